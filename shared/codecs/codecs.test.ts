import { describe, expect, test } from "vitest";
import { elementCount } from "#shared/model";
import { decodeTensor, encodeImage, encodeTensor } from "#shared/protocol";
import { randomFrom } from "#shared/random";
import {
  anyCodec,
  CODECS,
  codedBytes,
  IMAGE_CODECS,
  imageCodec,
  isImageCodec,
  TENSOR_CODECS,
  tensorCodec,
} from "./index.ts";

/** What every codec of tensors keeps, as it is reached: by name, through the frame's tensors. */
describe.each(TENSOR_CODECS)("%s", (codec) => {
  const { bits, datatype, mostOff, isExact } = tensorCodec(codec);
  const infoOf = (shape: readonly number[]) => ({ shape, dtype: "float32", range: [-1, 1] }) as const;
  const there = (values: Float32Array, shape: readonly number[] = [values.length]) =>
    encodeTensor("a", [1, ...shape], values, codec);
  const andBack = (values: Float32Array, shape: readonly number[] = [values.length]) => {
    const { tensor, parameters } = there(values, shape);
    return decodeTensor(tensor, infoOf(shape), parameters);
  };

  test("gives values back within what it promises, whatever their range, number and shape", () => {
    for (let seed = 0; seed < 300; seed++) {
      const { values, shape } = drawn(seed);
      const range = [Math.min(...values), Math.max(...values)] as const;
      const decoded = andBack(values, shape);
      expect(decoded.shape).toEqual([1, ...shape]);
      expect(decoded.values).toHaveLength(values.length);
      const wrong = decoded.values.findIndex((v, i) => Math.abs(v - values[i]!) > mostOff(values[i]!, range));
      expect(wrong, `seed ${seed}`).toBe(-1);
      if (isExact) expect(decoded.values).toEqual(values);
    }
  });

  test("promises no more than half of the range, or of the value", () => {
    for (const value of [1e-3, 1, 1e4]) {
      const most = mostOff(value, [-value, value]);
      expect(most).toBeLessThan(value / 2);
      expect(most === 0).toBe(isExact);
    }
  });

  test("takes the bytes that plans count with", () => {
    for (const count of [1, 2, 3, 4, 5, 31, 1000]) {
      const values = Float32Array.from({ length: count }, (_, at) => at / count);
      const coded = there(values);
      expect(coded.codec).toBe(codec);
      expect(coded.tensor.data.byteLength).toBe(codedBytes(codec, count));
      expect(coded.tensor.datatype).toBe(datatype.name);
      expect(elementCount(coded.tensor.shape) * datatype.bytes).toBe(coded.tensor.data.byteLength);
    }
  });

  test("decodes a batch as each of its images, anywhere in a frame", () => {
    const { values, shape } = drawn(7);
    const { tensor, parameters } = there(values, shape);
    const body = Buffer.concat([Buffer.from("odd"), tensor.data, tensor.data, Buffer.from("end")]);
    const data = body.subarray(3, 3 + 2 * tensor.data.byteLength);
    const [, ...sides] = tensor.shape;
    const both = decodeTensor({ ...tensor, shape: [2, ...sides], data }, infoOf(shape), parameters);
    const one = andBack(values, shape).values;
    expect(both.shape).toEqual([2, ...shape]);
    expect(both.values).toEqual(Float32Array.of(...one, ...one));
  });

  test("leaves what it is given as it is, and gives copies", () => {
    const values = Float32Array.of(0, 1, -1, 0.5, 0.25, 3);
    const { tensor, parameters } = there(values);
    const before = tensor.data.slice();
    decodeTensor(tensor, infoOf([6]), parameters).values.fill(9);
    expect(tensor.data).toEqual(before);
    expect(values).toEqual(Float32Array.of(0, 1, -1, 0.5, 0.25, 3));
  });

  test("constant and extreme values survive, or travel as what holds them", () => {
    expect([...andBack(new Float32Array(6).fill(4)).values]).toEqual([4, 4, 4, 4, 4, 4]);
    for (const value of [0, 1e-30, 65504, 1e29]) {
      const values = Float32Array.of(value, 0, -value);
      const coded = there(values);
      const range = [-value, value] as const;
      const most = tensorCodec(coded.codec).mostOff(value, range);
      const [decoded] = andBack(values).values;
      expect(Math.abs(decoded! - values[0]!), `${value} as ${coded.codec}`).toBeLessThanOrEqual(most);
    }
  });

  test("values that are not finite are refused", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => there(Float32Array.of(0, bad, 0))).toThrow(/a: expected finite values, got .* at 1/);
    }
  });

  test("any bytes are finite values or refused", () => {
    const random = randomFrom(3);
    const { tensor, parameters } = there(Float32Array.of(0, 1, 2, 3, 4, 5));
    for (let i = 0; i < 500; i++) {
      const data = Uint8Array.from(tensor.data, () => Math.floor(256 * random()));
      try {
        const { values } = decodeTensor({ ...tensor, data }, infoOf([6]), parameters);
        expect(values.every(Number.isFinite)).toBe(true);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "bad-tensor", message: expect.stringContaining("finite") });
      }
    }
  });

  test("is told from all others by datatype and bits", () => {
    const same = TENSOR_CODECS.filter((one) => {
      const other = tensorCodec(one);
      return other.bits === bits && other.datatype.name === datatype.name;
    });
    expect(same).toEqual([codec]);
    const unlike = TENSOR_CODECS.find((one) => tensorCodec(one).datatype.name === datatype.name)!;
    expect(tensorCodec(unlike).datatype).toBe(datatype);
  });
});

describe.each(IMAGE_CODECS)("%s", (codec) => {
  test("has a media type and a beginning of its own", () => {
    const { mediaType } = imageCodec(codec);
    expect(IMAGE_CODECS.filter((one) => imageCodec(one).mediaType === mediaType)).toEqual([codec]);
  });

  test("travels as the bytes of a file, with its media type", () => {
    const { tensor, parameters } = encodeImage("image", codec, Uint8Array.of(7, 8, 9));
    expect(parameters).toEqual({ "image.image": imageCodec(codec).mediaType });
    expect(tensor).toMatchObject({ datatype: "BYTES", shape: [1] });
    expect([...tensor.data]).toEqual([3, 0, 0, 0, 7, 8, 9]);
  });
});

test.each(CODECS)("%s says what it usually takes", (codec) => {
  const { usual, carries } = anyCodec(codec);
  expect(isImageCodec(codec)).toBe(carries === "images");
  for (const { perTensorMs, perElementMs } of [usual.encode, usual.decode]) {
    expect(perTensorMs).toBeGreaterThan(0);
    // The evaluator divides by it.
    expect(perElementMs).toBeGreaterThan(0);
  }
});

test("codecs promise what they always did", () => {
  const promised = TENSOR_CODECS.map((codec) => [codec, tensorCodec(codec).mostOff(4, [-1, 4])]);
  expect(Object.fromEntries(promised)).toMatchObject({
    float32: 0,
    float16: 4 * 2 ** -11,
    uint8: expect.closeTo(5 / 510, 5),
    uint4: expect.closeTo(5 / 30, 5),
  });
});

test("a name that is none is an error, never another codec", () => {
  for (const name of ["bfloat17", "", "toString", "constructor"]) {
    const refused = expect.objectContaining({
      code: "internal",
      message: expect.stringMatching(new RegExp(`^codec: expected one of float32, .*, got ${name}$`)),
    });
    for (const ask of [tensorCodec, anyCodec, isImageCodec, (one: never) => codedBytes(one, 3)]) {
      expect(() => ask(name as never), name).toThrow(refused);
    }
    const values = new Float32Array(3);
    expect(() => encodeTensor("a", [1, 3], values, name as never)).toThrow(refused);
    expect(() => encodeImage("a", name as never, new Uint8Array(3))).toThrow("codec: expected one of jpeg");
  }
});

/** Values of some range, number and shape. */
function drawn(seed: number): { readonly values: Float32Array; readonly shape: readonly number[] } {
  const random = randomFrom(seed);
  const shape = Array.from({ length: 1 + Math.floor(3 * random()) }, () => 1 + Math.floor(7 * random()));
  const [size, centre] = [10 ** (8 * random() - 5), (random() - 0.5) * 10 ** (4 * random() - 2)];
  const values = Float32Array.from(
    { length: elementCount(shape) },
    () => centre + size * Math.max(-0.3, random() - 0.5),
  );
  return { values, shape };
}

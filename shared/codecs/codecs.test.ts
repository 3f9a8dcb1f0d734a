import { describe, expect, test } from "vitest";
import { elementCount } from "#shared/model";
import { decodeTensor, type EncodedTensor, encodeFitted, encodeImage, encodeTensor } from "#shared/protocol";
import { randomFrom } from "#shared/random";
import {
  anyCodec,
  CODECS,
  codedBytes,
  IMAGE_CODECS,
  imageCodec,
  isImageCodec,
  type LinearCoder,
  linearCoder,
  type Range,
  symbolTable,
  TENSOR_CODECS,
  TOTAL,
  tensorCodec,
} from "./index.ts";

/** A way to send a tensor, as it is reached: through the frame's tensors. */
interface Way {
  readonly name: string;
  readonly isExact: boolean;
  readonly mostOff: (value: number, range: Range, size: number) => number;
  /** Whether it codes tensors of this shape. */
  readonly fits: (shape: readonly number[]) => boolean;
  readonly there: (
    values: Float32Array,
    shape: readonly number[],
  ) => Pick<EncodedTensor, "tensor" | "parameters">;
  readonly coders: (values: Float32Array, shape: readonly number[]) => readonly LinearCoder[];
}

const ofAnyTensor = TENSOR_CODECS.map((name): Way => {
  const { isExact, mostOff } = tensorCodec(name);
  const there: Way["there"] = (values, shape) => encodeTensor("a", [1, ...shape], values, name);
  return { name, isExact, mostOff, fits: () => true, there, coders: () => [] };
});

/** Fitted to the values that it is to send: all directions are kept, and no number lies beyond the tables. */
const linearWay: Way = {
  name: "linear",
  isExact: anyCodec("linear").isExact,
  // What the directions are off by may all meet in one value.
  mostOff: (value, range, size) =>
    (0.5 + 1e-3) * stepOver(range, size) * Math.sqrt(size) + 1e-6 * Math.abs(value),
  fits: (shape) => shape.length !== 2,
  there: (values, shape) => {
    const [coder] = linearWay.coders(values, shape);
    return encodeFitted("a", { codec: "linear", rate: 1, coder: coder! }, values);
  },
  coders: (values, shape) => {
    const size = shape.at(-1)!;
    const finite = values.filter(Number.isFinite);
    const range = [Math.min(...finite), Math.max(...finite)] as const;
    const [low, high] = range;
    const mean = new Float32Array(size).fill((low + high) / 2);
    const step = stepOver(range, size);
    const rate = { step, first: new Int16Array(size).fill(-64), tables: Array(size).fill(EVEN) };
    return [linearCoder({ shape, block: 1, mean, basis: cosines(size) }, rate, [low, high])];
  },
};

const EVEN = symbolTable(Array(128).fill(TOTAL / 128));

/** No direction of so many values of this range goes beyond 63 steps. */
const stepOver = ([low, high]: Range, size: number): number =>
  Math.max(1e-12, ((high - low) / 2) * Math.sqrt(size)) / 60;

/** The orthonormal cosine transform, rows first. */
const cosines = (size: number): Float32Array =>
  Float32Array.from({ length: size * size }, (_, at) => {
    const [k, i] = [Math.floor(at / size), at % size];
    return Math.sqrt((k === 0 ? 1 : 2) / size) * Math.cos((Math.PI * (i + 0.5) * k) / size);
  });

/** What every codec of tensors keeps. */
describe.each([...ofAnyTensor, linearWay])("$name", ({ isExact, mostOff, fits, there, coders }) => {
  const infoOf = (shape: readonly number[]) => ({ shape, dtype: "float32", range: [-1, 1] }) as const;
  const andBack = (values: Float32Array, shape: readonly number[] = [values.length]) => {
    const { tensor, parameters } = there(values, shape);
    return decodeTensor(tensor, infoOf(shape), parameters, coders(values, shape));
  };

  test("gives values back within what it promises, whatever their range, number and shape", () => {
    let tried = 0;
    for (let seed = 0; seed < 300; seed++) {
      const { values, shape } = drawn(seed);
      if (!fits(shape)) continue;
      tried++;
      const range = [Math.min(...values), Math.max(...values)] as const;
      const decoded = andBack(values, shape);
      expect(decoded.shape).toEqual([1, ...shape]);
      expect(decoded.values).toHaveLength(values.length);
      const size = shape.at(-1)!;
      const wrong = decoded.values.findIndex(
        (v, i) => Math.abs(v - values[i]!) > mostOff(values[i]!, range, size),
      );
      expect(wrong, `seed ${seed}`).toBe(-1);
      if (isExact) expect(decoded.values).toEqual(values);
    }
    expect(tried).toBeGreaterThan(150);
  });

  test("promises no more than half of the range, or of the value", () => {
    for (const value of [1e-3, 1, 1e4]) {
      const most = mostOff(value, [-value, value], 10);
      expect(most).toBeLessThan(value / 2);
      expect(most === 0).toBe(isExact);
    }
  });

  test("decodes a batch as each of its images, anywhere in a frame", () => {
    const { values, shape } = drawn(7);
    const { tensor, parameters } = there(values, shape);
    const body = Buffer.concat([Buffer.from("odd"), tensor.data, tensor.data, Buffer.from("end")]);
    const data = body.subarray(3, 3 + 2 * tensor.data.byteLength);
    const [, ...sides] = tensor.shape;
    const two = { ...tensor, shape: [2, ...sides], data };
    const both = decodeTensor(two, infoOf(shape), parameters, coders(values, shape));
    const one = andBack(values, shape).values;
    expect(both.shape).toEqual([2, ...shape]);
    expect(both.values).toEqual(Float32Array.of(...one, ...one));
  });

  test("leaves what it is given as it is, and gives copies", () => {
    const values = Float32Array.of(0, 1, -1, 0.5, 0.25, 3);
    const { tensor, parameters } = there(values, [6]);
    const before = tensor.data.slice();
    decodeTensor(tensor, infoOf([6]), parameters, coders(values, [6])).values.fill(9);
    expect(tensor.data).toEqual(before);
    expect(values).toEqual(Float32Array.of(0, 1, -1, 0.5, 0.25, 3));
  });

  test("values that are not finite are refused", () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(() => there(Float32Array.of(0, bad, 0), [3])).toThrow(/a: expected finite values, got .* at 1/);
    }
  });

  test("any bytes are finite values or refused", () => {
    const random = randomFrom(3);
    const values = Float32Array.of(0, 1, 2, 3, 4, 5);
    const { tensor, parameters } = there(values, [6]);
    const own = coders(values, [6]);
    for (let i = 0; i < 500; i++) {
      const data = Uint8Array.from(tensor.data, () => Math.floor(256 * random()));
      try {
        const decoded = decodeTensor({ ...tensor, data }, infoOf([6]), parameters, own);
        expect(decoded.values.every(Number.isFinite)).toBe(true);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "bad-tensor" });
      }
    }
  });
});

/** What those keep that send any tensor. */
describe.each(TENSOR_CODECS)("%s, of any tensor", (codec) => {
  const { bits, datatype } = tensorCodec(codec);
  const there = (values: Float32Array) => encodeTensor("a", [1, values.length], values, codec);

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

  test("constant and extreme values survive, or travel as what holds them", () => {
    const info = (count: number) => ({ shape: [count], dtype: "float32", range: [-1, 1] }) as const;
    const andBack = (values: Float32Array) => {
      const { tensor, parameters } = there(values);
      return decodeTensor(tensor, info(values.length), parameters);
    };
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

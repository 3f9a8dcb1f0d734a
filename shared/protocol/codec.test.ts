import { expect, test } from "vitest";
import { decodeTensor, encodeTensor, formatServerTiming, parseServerTiming } from "./index.ts";

const info = { shape: [2, 3], dtype: "float32", range: [-1, 1] } as const;

test("float16 rounds as hardware does: every half is itself, what lies between goes to the nearer, ties to even", () => {
  const bitsOf = (value: number): number => {
    const { tensor } = encodeTensor("a", [1, 1], Float32Array.of(value), "float16");
    return tensor.data[0]! | (tensor.data[1]! << 8);
  };
  const all = new Uint8Array(Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits).buffer);
  const wire = { name: "a", datatype: "FP16", shape: [1, 0x7c00], data: all } as const;
  const halves = decodeTensor(wire, { ...info, shape: [0x7c00] }, {}).values;
  expect([halves[1], halves[0x3c00], halves[0x7bff]]).toEqual([2 ** -24, 1, 65504]);
  for (let bits = 0; bits + 1 < halves.length; bits++) {
    const [here, next] = [halves[bits]!, halves[bits + 1]!];
    const middle = (here + next) / 2;
    if (bitsOf(here) !== bits) expect.fail(`${here}: expected itself`);
    if (bitsOf(middle) !== bits + (bits & 1)) expect.fail(`${middle}: expected a tie to even`);
    if (bits > 0 && bitsOf(-here) !== (bits | 0x8000))
      expect.fail(`-${here}: expected the sign alone to differ`);
    const [below, above] = [middle - (next - here) / 8, middle + (next - here) / 8];
    if (bitsOf(below) !== bits || bitsOf(above) !== bits + 1) expect.fail(`${middle}: expected the nearer`);
  }
});

test("a tensor that float16 cannot hold travels as float32", () => {
  const large = Float32Array.of(0, 65519, -65519, 0, 0, 0);
  expect(encodeTensor("a", [1, 2, 3], large, "float16").tensor.datatype).toBe("FP16");
  const { tensor } = encodeTensor("a", [1, 2, 3], Float32Array.of(0, 65520, 0, 0, 0, 0), "float16");
  expect(tensor.datatype).toBe("FP32");
  expect(decodeTensor(tensor, info, {}).values[1]).toBe(65520);
});

test("uint4 packs two values a byte, the first in the low bits; what fills the last byte up is ignored", () => {
  const fifteen = Float32Array.of(0, 15, 1, 2, 14);
  const { tensor, parameters } = encodeTensor("a", [1, 5], fifteen, "uint4");
  expect([...tensor.data]).toEqual([0xf0, 0x21, 0x0e]);
  expect(tensor).toMatchObject({ datatype: "UINT8", shape: [1, 3] });
  expect(parameters).toEqual({ "q.a.scale": 1, "q.a.offset": 0, "q.a.bits": 4 });
  const padded = { ...tensor, data: Uint8Array.of(0xf0, 0x21, 0xfe) };
  expect(decodeTensor(padded, { ...info, shape: [5] }, parameters).values).toEqual(fifteen);
  // In a batch every image starts with a byte of its own.
  const two = { ...tensor, shape: [2, 3], data: Uint8Array.of(0xf0, 0x21, 0xfe, 0x0f, 0x12, 0x0e) };
  const { shape, values: both } = decodeTensor(two, { ...info, shape: [5] }, parameters);
  expect(shape).toEqual([2, 5]);
  expect([...both]).toEqual([0, 15, 1, 2, 14, 15, 0, 2, 1, 14]);
});

test("uint8 without scale and offset spans the tensor's range", () => {
  const data = Uint8Array.of(0, 255, 0, 255, 0, 255);
  const decoded = decodeTensor({ name: "a", datatype: "UINT8", shape: [1, 2, 3], data }, info, {}).values;
  [-1, 1, -1, 1, -1, 1].forEach((value, i) => {
    expect(decoded[i]).toBeCloseTo(value, 6);
  });
});

test("decoded values that are not finite are refused", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const broken = Float32Array.of(0, bad, 0, 0, 0, 0);
    const data = new Uint8Array(broken.buffer);
    const tensor = { name: "a", datatype: "FP32", shape: [1, 2, 3], data } as const;
    expect(() => decodeTensor(tensor, info, {})).toThrow(/a: expected finite values/);
  }
  for (const [half, shown] of [
    [0x7e00, "NaN"],
    [0x7c00, "Infinity"],
    [0xfc00, "-Infinity"],
  ] as const) {
    const data = new Uint8Array(Uint16Array.of(0, 0, half, 0, 0, 0).buffer);
    const tensor = { name: "a", datatype: "FP16", shape: [1, 2, 3], data } as const;
    expect(() => decodeTensor(tensor, info, {})).toThrow(`a: expected finite values, got ${shown} at 2`);
  }
});

test("shape, datatype and quantisation are checked", () => {
  const data = new Uint8Array(24);
  const wrong = { name: "a", datatype: "FP32", shape: [1, 3, 2], data } as const;
  expect(() => decodeTensor(wrong, info, {})).toThrow("a: expected shape [-1,2,3], got [1,3,2]");
  const integers = { name: "a", datatype: "INT32", shape: [1, 2, 3], data } as const;
  expect(() => decodeTensor(integers, info, {})).toThrow(
    /^a: expected datatype FP32, FP16.* or UINT8, got INT32$/,
  );
  const bytes = { name: "a", datatype: "UINT8", shape: [1, 2, 3], data: new Uint8Array(6) } as const;
  expect(() => decodeTensor(bytes, info, { "q.a.scale": 1 })).toThrow("q.a.offset: expected a finite number");
  expect(() => decodeTensor(bytes, info, { "q.a.scale": 1, "q.a.offset": "0" })).toThrow("q.a.offset");
  const four = { "q.a.scale": 1, "q.a.offset": 0, "q.a.bits": 4 };
  expect(() => decodeTensor(bytes, info, four)).toThrow("a: expected shape [-1,3], got [1,2,3]");
  const nibbles = { ...bytes, shape: [1, 4], data: new Uint8Array(4) };
  expect(() => decodeTensor(nibbles, info, four)).toThrow("a: expected shape [-1,3], got [1,4]");
  for (const bits of [3, 0, 16, "4", true]) {
    const odd = { ...four, "q.a.bits": bits };
    expect(() => decodeTensor(bytes, info, odd)).toThrow(
      `parameter q.a.bits: expected 8 or 4 of UINT8, got ${bits}`,
    );
  }
  const floats = { ...bytes, datatype: "FP32", data: new Uint8Array(24) } as const;
  expect(() => decodeTensor(floats, info, four)).toThrow("parameter q.a.bits: expected 32 of FP32, got 4");
  expect(decodeTensor(bytes, info, { ...four, "q.a.bits": 8 }).values).toHaveLength(6);
});

test("server times survive the header", () => {
  for (const isStandIn of [false, true]) {
    const times = { receiveMs: 12.5, queueMs: 0.25, computeMs: 8.125, isStandIn, expectedQueueMs: 3 };
    expect(parseServerTiming(formatServerTiming(times))).toEqual(times);
  }
  expect(parseServerTiming("cache;desc=hit, compute;desc=x;dur=3")).toEqual({
    receiveMs: 0,
    queueMs: 0,
    computeMs: 3,
    isStandIn: false,
    expectedQueueMs: 0,
  });
});

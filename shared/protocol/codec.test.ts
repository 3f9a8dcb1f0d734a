import { expect, test } from "vitest";
import { decodeTensor, encodeTensor, formatServerTiming, parseServerTiming } from "./index.ts";

const info = { shape: [2, 3], dtype: "float32", range: [-1, 1] } as const;
const values = Float32Array.of(0, -0.75, 6.5, 1e-7, 2, 3);

test("float32 comes back exactly", () => {
  const { tensor, parameters } = encodeTensor("a", [1, 2, 3], values, "float32");
  expect(decodeTensor(tensor, info, parameters)).toEqual(values);
});

test("a tensor may lie anywhere in a frame", () => {
  const { tensor } = encodeTensor("a", [1, 2, 3], values, "float32");
  const body = Buffer.concat([Buffer.from("odd"), tensor.data, Buffer.from("end")]);
  const data = body.subarray(3, 3 + tensor.data.byteLength);
  expect(decodeTensor({ ...tensor, data }, info, {})).toEqual(values);
});

test("uint8 comes back within half a step of the values' range", () => {
  const { tensor, parameters } = encodeTensor("a", [1, 2, 3], values, "uint8");
  const half = (6.5 + 0.75) / 510 + 1e-6;
  const decoded = decodeTensor(tensor, info, parameters);
  decoded.forEach((value, i) => {
    expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(half);
  });
});

test("a constant tensor survives uint8", () => {
  const { tensor, parameters } = encodeTensor("a", [1, 2, 3], new Float32Array(6).fill(4), "uint8");
  expect([...decodeTensor(tensor, info, parameters)]).toEqual([4, 4, 4, 4, 4, 4]);
});

test("uint8 without scale and offset spans the calibrated range", () => {
  const data = Uint8Array.of(0, 255, 0, 255, 0, 255);
  const decoded = decodeTensor({ name: "a", datatype: "UINT8", shape: [1, 2, 3], data }, info, {});
  [-1, 1, -1, 1, -1, 1].forEach((value, i) => {
    expect(decoded[i]).toBeCloseTo(value, 6);
  });
});

test("values that are not finite are refused on both sides", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const broken = Float32Array.of(0, bad, 0, 0, 0, 0);
    expect(() => encodeTensor("a", [1, 2, 3], broken, "uint8")).toThrow(
      /a: expected finite values, got .* at 1/,
    );
    const data = new Uint8Array(broken.buffer);
    const tensor = { name: "a", datatype: "FP32", shape: [1, 2, 3], data } as const;
    expect(() => decodeTensor(tensor, info, {})).toThrow(/a: expected finite values/);
  }
});

test("shape, datatype and quantisation are checked", () => {
  const data = new Uint8Array(24);
  const wrong = { name: "a", datatype: "FP32", shape: [1, 3, 2], data } as const;
  expect(() => decodeTensor(wrong, info, {})).toThrow("a: expected shape [-1,2,3], got [1,3,2]");
  const integers = { name: "a", datatype: "INT32", shape: [1, 2, 3], data } as const;
  expect(() => decodeTensor(integers, info, {})).toThrow("a: expected datatype FP32 or UINT8, got INT32");
  const bytes = { name: "a", datatype: "UINT8", shape: [1, 2, 3], data: new Uint8Array(6) } as const;
  expect(() => decodeTensor(bytes, info, { "q.a.scale": 1 })).toThrow("q.a.offset: expected a finite number");
  expect(() => decodeTensor(bytes, info, { "q.a.scale": 1, "q.a.offset": "0" })).toThrow("q.a.offset");
});

test("server times survive the header", () => {
  const times = { receiveMs: 12.5, queueMs: 0.25, computeMs: 8.125 };
  expect(parseServerTiming(formatServerTiming(times))).toEqual(times);
  expect(parseServerTiming("cache;desc=hit, compute;desc=x;dur=3")).toEqual({
    receiveMs: 0,
    queueMs: 0,
    computeMs: 3,
  });
});

import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  FRAME_LIMITS,
  type Frame,
  type InferRequest,
  joinElements,
  splitElements,
  type WireTensor,
} from "./index.ts";

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

const request: InferRequest = {
  id: "7",
  parameters: { exit: "exit2", "q.a.scale": 0.25, timeout: 120000 },
  inputs: [
    { name: "a", datatype: "UINT8", shape: [1, 2, 2], parameters: {}, data: Uint8Array.of(0, 1, 254, 255) },
    { name: "b", datatype: "FP32", shape: [1, 2], parameters: {}, data: floats(-1.5, 3e38) },
  ],
  outputs: [],
  binaryOutputs: true,
};

/** A frame around arbitrary JSON and bytes. */
function frame(json: unknown, binary = new Uint8Array()): Frame {
  const header = new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json));
  return { body: Uint8Array.from([...header, ...binary]), jsonBytes: header.byteLength };
}

function failure(run: () => unknown): EddiError {
  try {
    run();
  } catch (error) {
    if (error instanceof EddiError) return error;
    throw error;
  }
  throw new Error("expected an EddiError");
}

test("a request is decoded as it was encoded", () => {
  const { body, jsonBytes } = encodeRequest(request);
  expect(decodeRequest(body, jsonBytes)).toEqual(request);
});

test.each([true, false])("a response is decoded as it was encoded, binary %s", (binary) => {
  const outputs: WireTensor[] = [
    { name: "exit2", datatype: "FP32", shape: [1, 3], parameters: {}, data: floats(0.25, 0.5, 0.25) },
    {
      name: "small",
      datatype: "INT32",
      shape: [1],
      parameters: {},
      data: new Uint8Array(Int32Array.of(-7).buffer),
    },
  ];
  const response = { modelName: "m", modelVersion: "0a", parameters: { queue_ms: 1.5 }, outputs };
  const { body, jsonBytes } = encodeResponse(response, () => binary);
  expect(jsonBytes < body.byteLength).toBe(binary);
  expect(decodeResponse(body, binary ? jsonBytes : null)).toEqual(response);
});

test("tensors may come as JSON numbers, nested or flat", () => {
  const input = { name: "a", datatype: "FP32", shape: [2, 2] };
  for (const data of [
    [1, 2, 3, 4],
    [
      [1, 2],
      [3, 4],
    ],
  ]) {
    const { body } = frame({ inputs: [{ ...input, data }] });
    expect(decodeRequest(body, null).inputs[0]!.data).toEqual(floats(1, 2, 3, 4));
  }
});

test("a frame truncated or extended anywhere is refused", () => {
  const { body, jsonBytes } = encodeRequest(request);
  for (let length = 0; length < body.byteLength; length++) {
    expect(failure(() => decodeRequest(body.subarray(0, length), jsonBytes)).code).toBe("bad-frame");
  }
  const longer = Uint8Array.from([...body, 0]);
  expect(failure(() => decodeRequest(longer, jsonBytes)).message).toMatch(/expected 12 bytes .* got 13/);
});

const tensor = { name: "a", datatype: "FP32", shape: [1, 2], parameters: { binary_data_size: 8 } };
const refusals: [string, unknown, number | null | undefined, RegExp][] = [
  ["JSON length beyond the body", { inputs: [] }, 1000, /expected 1 to 13 .* got 1000/],
  ["JSON length below zero", { inputs: [] }, -1, /got -1/],
  ["not JSON", "{nonsense", undefined, /JSON/],
  ["a poisoned prototype", '{"__proto__": {"x": 1}, "inputs": []}', undefined, /JSON/],
  ["no inputs", {}, undefined, /inputs: expected an array/],
  ["a tensor without a name", { inputs: [{ ...tensor, name: "" }] }, undefined, /expected a name/],
  ["an unknown datatype", { inputs: [{ ...tensor, datatype: "FP64" }] }, undefined, /a: .* got FP64/],
  ["a negative side", { inputs: [{ ...tensor, shape: [1, -2] }] }, undefined, /a: .* got \[1,-2\]/],
  ["a shape of text", { inputs: [{ ...tensor, shape: "2" }] }, undefined, /a: expected a shape/],
  ["a wrong size", { inputs: [{ ...tensor, shape: [1, 3] }] }, undefined, /a: expected 12 bytes .* got .* 8/],
  [
    "too few numbers",
    { inputs: [{ name: "a", datatype: "FP32", shape: [3], data: [1] }] },
    null,
    /got 1 values/,
  ],
  [
    "a number too large",
    { inputs: [{ name: "a", datatype: "UINT8", shape: [1], data: [256] }] },
    null,
    /got 256/,
  ],
  [
    "an object as parameter",
    { parameters: { exit: {} }, inputs: [] },
    undefined,
    /parameter exit: .* got object/,
  ],
];

test.each(refusals)("%s is refused", (_, json, jsonBytes, message) => {
  const { body, jsonBytes: actual } = frame(json);
  const error = failure(() => decodeRequest(body, jsonBytes === undefined ? actual : jsonBytes));
  expect(error.message).toMatch(message);
  expect(["bad-frame", "bad-tensor"]).toContain(error.code);
});

test("limits hold before anything is allocated", () => {
  const huge = frame({ inputs: [{ ...tensor, shape: [4096, 4096, 4096] }] });
  expect(failure(() => decodeRequest(huge.body, huge.jsonBytes)).code).toBe("too-large");
  const many = frame({ inputs: Array.from({ length: FRAME_LIMITS.maxTensors + 1 }, () => tensor) });
  expect(failure(() => decodeRequest(many.body, many.jsonBytes)).code).toBe("too-large");
  const long = frame({ inputs: [], parameters: { x: "y".repeat(100) } });
  const limits = { ...FRAME_LIMITS, maxJsonBytes: 64 };
  expect(failure(() => decodeRequest(long.body, long.jsonBytes, limits)).code).toBe("too-large");
  const nested = frame(`{"inputs": ${"[".repeat(1000)}${"]".repeat(1000)}}`);
  expect(failure(() => decodeRequest(nested.body, nested.jsonBytes)).code).toBe("too-large");
  const quoted = frame({ inputs: [], parameters: { ["[".repeat(1000)]: '\\"{'.repeat(1000) } });
  expect(decodeRequest(quoted.body, quoted.jsonBytes).inputs).toEqual([]);
});

test("elements of BYTES come back, of any length, in a frame of their own or beside others", () => {
  const elements = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(9)];
  const data = joinElements(elements);
  const inputs = [{ name: "image", datatype: "BYTES", shape: [3], data } as const, request.inputs[0]!];
  const { body, jsonBytes } = encodeRequest({ parameters: {}, inputs, outputs: [], binaryOutputs: true });
  const [image, other] = decodeRequest(body, jsonBytes).inputs;
  expect(splitElements("image", image!.data, 3)).toEqual(elements);
  expect(other!.data).toEqual(request.inputs[0]!.data);
});

test("a BYTES tensor whose size is not that of its frame is refused", () => {
  const data = joinElements([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
  const refused = (shape: readonly number[], bytes: Uint8Array, size: unknown) => {
    const input = { name: "image", datatype: "BYTES", shape, parameters: { binary_data_size: size } };
    const json = Buffer.from(JSON.stringify({ inputs: [input] }));
    const error = failure(() => decodeRequest(Buffer.concat([json, bytes]), json.byteLength));
    expect(["bad-frame", "bad-tensor"]).toContain(error.code);
    return error.message;
  };
  expect(refused([2], data, 400)).toMatch(/expected 400 bytes, got 12: truncated/);
  expect(refused([2], data, -1)).toMatch(/expected binary_data_size in bytes, got -1/);
  expect(refused([2], data, "12")).toMatch(/expected binary_data_size in bytes, got "12"/);
  const inJson = frame({ inputs: [{ name: "image", datatype: "BYTES", shape: [1], data: ["abc"] }] });
  expect(failure(() => decodeRequest(inJson.body, inJson.jsonBytes)).message).toBe(
    "image: expected BYTES as binary data, got JSON",
  );
});

test("elements of BYTES that do not fit their lengths or their number are refused", () => {
  const data = joinElements([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]);
  const refused = (count: number, bytes: Uint8Array) =>
    failure(() => splitElements("image", bytes, count)).message;
  expect(refused(1, data)).toBe("image: expected 1 elements with their lengths, got 1 and 5 bytes more");
  expect(refused(3, data)).toBe("image: expected 3 elements with their lengths, got 2 and 0 bytes more");
  expect(refused(2, data.subarray(0, 11))).toBe("image: expected 1 bytes of element 1, got 0 left");
  expect(refused(1, Uint8Array.of(255, 255, 255, 255, 0))).toMatch(/expected 4294967295 bytes .* got 1 left/);
});

test("a frame is decoded without a look at the elements of its tensors: there may be millions", () => {
  const data = Uint8Array.of(255, 255, 255, 255, 0);
  const input = { name: "image", datatype: "BYTES", shape: [4_000_000], data } as const;
  const { body, jsonBytes } = encodeRequest({ ...request, inputs: [input] });
  expect(decodeRequest(body, jsonBytes).inputs[0]!.data).toEqual(data);
});

test("parameters without end are refused before they are parsed", () => {
  const members = FRAME_LIMITS.maxJsonMembers;
  const many = (count: number) => frame({ parameters: manyParameters(count), inputs: [] });
  const { body, jsonBytes } = many(members + 1);
  const error = failure(() => decodeRequest(body, jsonBytes));
  expect([error.code, error.message]).toEqual([
    "too-large",
    `JSON header: expected at most ${members} members of objects, got more`,
  ]);
  const some = many(members - 2);
  expect(Object.keys(decodeRequest(some.body, some.jsonBytes).parameters)).toHaveLength(members - 2);
  // What stands in a string is no member.
  const text = frame({ parameters: { x: ":".repeat(10_000) }, inputs: [] });
  expect(decodeRequest(text.body, text.jsonBytes).inputs).toEqual([]);
});

function manyParameters(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, at]));
}

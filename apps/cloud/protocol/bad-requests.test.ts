import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeRequest, type InferRequest, type WireTensor } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { floatTensor, post, postBytes, request, testConfig, tinyImage } from "../testing/fixture.ts";

// A bad request is refused with what was expected and what came, and the service goes on.
const BYTES = tinyImage();
const IMAGE = BYTES.data;

let server: CloudServer;
beforeAll(async () => {
  server = await buildServer(testConfig());
  await server.ready;
});
afterAll(() => server.close());

const json = (content: string | object) => {
  const body = new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
  return postBytes(server.app, body, { "content-type": "application/json" });
};
const with_ = (change: Partial<InferRequest>, tensor: Partial<WireTensor> = {}) =>
  post(server.app, request([{ ...BYTES, ...tensor }], change));
const poolTensor = (at: number, value: number) => {
  const values = new Float32Array(16 * 16 * 8);
  values[at] = value;
  return floatTensor("stem/pool", [1, 16, 16, 8], values);
};
/** What it is, the status, what the message says, and the request. */
type BadRequest = [string, number, RegExp, () => ReturnType<typeof post>];

const cases: readonly BadRequest[] = [
  ["an unknown tensor", 400, /expected tensors of tiny, got picture/, () => with_({}, { name: "picture" })],
  [
    "a weight as a tensor",
    400,
    /expected tensors of tiny, got stem\/conv\/kernel/,
    () => with_({}, { name: "stem/conv/kernel" }),
  ],
  [
    "a prototype's key as a tensor",
    400,
    /expected tensors of tiny, got toString/,
    () => with_({}, { name: "toString" }),
  ],
  [
    "tensors that are no cut",
    400,
    /exit exit3: expected block1\/conv2 and the rest of a cut, got block1\/conv2/,
    () => post(server.app, request([floatTensor("block1/conv2", [1, 16, 16, 8], new Float32Array(2048))])),
  ],
  [
    "a tensor too many",
    400,
    /expected only tensors that its tail reads, got image/,
    () => post(server.app, request([BYTES, poolTensor(0, 1)])),
  ],
  ["one tensor twice", 400, /expected distinct tensors/, () => post(server.app, request([BYTES, BYTES]))],
  ["no tensor", 400, /expected a cut, got none/, () => post(server.app, request([]))],
  [
    "another shape",
    400,
    /image: expected shape \[-1,32,32,3\], got \[1,32,96\]/,
    () => with_({}, { shape: [1, 32, 96] }),
  ],
  [
    "a batch over the limit",
    400,
    /image: expected a batch of at most 32, got 33/,
    () => with_({}, { shape: [33, 32, 32, 3], data: new Uint8Array(33 * IMAGE.length) }),
  ],
  [
    "batches that differ",
    400,
    /block2\/wide: expected batch 1 as block2\/point has, got 2|block2\/point: expected batch 2 as block2\/wide has, got 1/,
    () =>
      post(
        server.app,
        request([
          floatTensor("block2/wide", [2, 8, 8, 12], new Float32Array(2 * 768)),
          floatTensor("block2/point", [1, 8, 8, 4], new Float32Array(256)),
        ]),
      ),
  ],
  [
    "another datatype",
    400,
    /image: expected datatype FP32, FP16.* or UINT8, got INT32/,
    () => with_({}, { datatype: "INT32", data: new Uint8Array(4 * IMAGE.length) }),
  ],
  [
    "an unknown datatype",
    400,
    /image: expected datatype .*, got FP64/,
    () => json({ inputs: [{ name: "image", shape: [1, 32, 32, 3], datatype: "FP64", data: [] }] }),
  ],
  [
    "another length",
    400,
    /image: expected 3072 bytes for UINT8 \[1,32,32,3\], got binary_data_size 3000/,
    () => with_({}, { data: IMAGE.subarray(0, 3000) }),
  ],
  [
    "too few numbers",
    400,
    /image: expected 3072 numbers or binary data, got 2 values/,
    () => json({ inputs: [{ name: "image", shape: [1, 32, 32, 3], datatype: "FP32", data: [1, 2] }] }),
  ],
  [
    "a value that is not finite",
    400,
    /stem\/pool: expected finite values, got NaN at 5/,
    () => post(server.app, request([poolTensor(5, Number.NaN)])),
  ],
  [
    "values that overflow",
    400,
    /expected tensors that lead to finite scores/,
    () => post(server.app, request([floatTensor("exit3/pool", [1, 24], new Float32Array(24).fill(3e38))])),
  ],
  [
    "a scale that is not a number",
    400,
    /q.image.scale: expected a finite number, got big/,
    () => with_({ parameters: { "q.image.scale": "big", "q.image.offset": 0 } }),
  ],
  [
    "an unknown exit",
    404,
    /expected one of the exits exit1, exit2, exit3, got exit9/,
    () => with_({ parameters: { exit: "exit9" } }),
  ],
  [
    "an unknown output",
    404,
    /expected one of the exits exit1, exit2, exit3, got probabilities/,
    () => with_({ outputs: [{ name: "probabilities", binary: true }] }),
  ],
  [
    "an output asked for twice",
    400,
    /outputs: expected each once, got exit1 twice/,
    () => with_({ outputs: ["exit1", "exit2", "exit1"].map((name) => ({ name, binary: true })) }),
  ],
  [
    "more elements than a batch has images",
    400,
    /image: expected a batch of at most 32, got 4000000/,
    () => with_({}, { datatype: "BYTES", shape: [4_000_000], data: new Uint8Array(16_000_000) }),
  ],
  [
    "elements of more than one axis",
    400,
    /image: expected shape \[-1\] of images, got \[1,4000000\]/,
    () => with_({}, { datatype: "BYTES", shape: [1, 4_000_000], data: new Uint8Array(16_000_000) }),
  ],
  [
    "elements that do not fit their lengths",
    400,
    /image: expected 2 elements with their lengths, got 1 and 0 bytes more/,
    () => with_({}, { datatype: "BYTES", shape: [2], data: Uint8Array.of(1, 0, 0, 0, 9) }),
  ],
  [
    "parameters without end",
    413,
    /JSON header: expected at most 4096 members of objects, got more/,
    () => {
      const parameters = Object.fromEntries(Array.from({ length: 330_000 }, (_, at) => [`p${at}`, 0]));
      return json({ parameters, inputs: [] });
    },
  ],
  [
    "an exit that does not follow from the tensors",
    400,
    /exit exit1: expected a cut, got block2\/concat|exit exit1: .*block2\/concat/,
    () =>
      post(
        server.app,
        request([floatTensor("block2/concat", [1, 8, 8, 16], new Float32Array(1024))], {
          outputs: [{ name: "exit1", binary: true }],
        }),
      ),
  ],
  ...(
    [
      ["no text", 3, /asked_exits: expected exit:class:confidence.*got 3/],
      ["nothing of the kind", "soon", /asked_exits: expected exit:class:confidence.*got "soon"/],
      ["a confidence above 1", "exit1:2:1.5", /asked_exits: .*got "exit1:2:1.5"/],
      ["a class that there is not", "exit1:10:0.5", /asked_exits: .*got "exit1:10:0.5"/],
      ["more exits than there are", "exit1:1:0.5,exit1:1:0.5,exit1:1:0.5,exit1:1:0.5", /got 4 exits/],
    ] as const
  ).map(
    ([what, asked_exits, message]): BadRequest => [
      `asked exits: ${what}`,
      400,
      message,
      () => with_({ parameters: { asked_exits } }),
    ],
  ),
  [
    "asked exits: an unknown one",
    404,
    /expected one of the exits exit1.*got exit9/,
    () => with_({ parameters: { asked_exits: "exit9:1:0.5" } }),
  ],
  [
    "a timeout that is none",
    400,
    /timeout: expected microseconds, got soon/,
    () => with_({ parameters: { timeout: "soon" } }),
  ],
  [
    "a timeout that has passed",
    504,
    /expected (an answer within 0 ms, it would take|the tail to start within the request's time)/,
    () => with_({ parameters: { timeout: 0.001 } }),
  ],
  [
    "an unknown model",
    404,
    /expected one of the models .*tiny.*, got huge/,
    () => post(server.app, request([BYTES]), "/v2/models/huge/infer"),
  ],
  [
    "another version",
    404,
    /model tiny: expected version [0-9a-f]{16}, got 0123/,
    () => post(server.app, request([BYTES]), "/v2/models/tiny/versions/0123/infer"),
  ],
  [
    "an empty body",
    400,
    /body: expected 1 to 16777216 bytes, got an empty body/,
    () => postBytes(server.app, new Uint8Array(0)),
  ],
  [
    "a header length that is none",
    400,
    /inference-header-content-length: expected bytes of the JSON part, got -1/,
    () => postBytes(server.app, IMAGE, { "inference-header-content-length": "-1" }),
  ],
  [
    "a header length beyond the body",
    400,
    /inference-header-content-length: expected 1 to 3072/,
    () => postBytes(server.app, IMAGE, { "inference-header-content-length": "4000" }),
  ],
  ["no JSON", 400, /expected 3072 bytes of JSON/, () => postBytes(server.app, IMAGE)],
  ["JSON that is no request", 400, /frame: expected an object, got \[1,2\]/, () => json("[1,2]")],
  ["a poisoned prototype", 400, /forbidden prototype property/, () => json('{"__proto__":{},"inputs":[]}')],
  [
    "JSON nested without end",
    413,
    /expected at most 64 nested brackets/,
    () => json(`{"inputs":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
  ],
  [
    "an id that is no text",
    400,
    /id: expected at most 512 characters, got \[7\]/,
    () => json({ id: [7], inputs: [] }),
  ],
  [
    "too many tensors",
    413,
    /inputs: expected at most 64, got 65/,
    () => post(server.app, request(Array.from({ length: 65 }, () => BYTES))),
  ],
  [
    "a shape that overflows",
    413,
    /image: expected at most 16777216 elements/,
    () => json({ inputs: [{ name: "image", shape: [2 ** 40, 2 ** 40], datatype: "FP32", data: [] }] }),
  ],
  [
    "a body over the limit",
    413,
    /body: expected at most 16777216 bytes, got 16777217/,
    () => postBytes(server.app, new Uint8Array((16 << 20) + 1)),
  ],
  [
    "another content type",
    415,
    /content-type: expected application\/octet-stream or application\/json, got text\/plain/,
    () => postBytes(server.app, IMAGE, { "content-type": "text/plain" }),
  ],
  [
    "nothing but white space, called text",
    415,
    /content-type: expected application\/octet-stream or application\/json, got text\/plain/,
    () => postBytes(server.app, new Uint8Array(1 << 20).fill(0x20), { "content-type": "text/plain" }),
  ],
  [
    "an unknown compression",
    415,
    /content-encoding: expected identity, deflate or gzip, got br/,
    () => postBytes(server.app, IMAGE, { "content-encoding": "br" }),
  ],
];

test.each(cases)("%s", async (_, status, message, send) => {
  const response = await send();
  expect(response.json()).toEqual({ error: expect.stringMatching(message) });
  expect(response.statusCode).toBe(status);
  expect((await post(server.app, request([BYTES]))).statusCode).toBe(200);
});

test("a frame truncated anywhere is refused", async () => {
  const { body, jsonBytes } = encodeRequest(request([BYTES]));
  for (const bytes of [1, jsonBytes - 1, jsonBytes, jsonBytes + 1, body.byteLength - 1]) {
    const headers = { "inference-header-content-length": String(jsonBytes) };
    const response = await postBytes(server.app, body.subarray(0, bytes), headers);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatch(/expected .*bytes|expected 1 to/);
  }
});

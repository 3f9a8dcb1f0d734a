import "@tensorflow/tfjs-backend-wasm";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { type Model, type Plan, readModel, splitPlan } from "#shared/model";
import { encodeTensor, type InferRequest, parseServerTiming, type WireTensor } from "#shared/protocol";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import {
  floatTensor,
  imageBytes,
  MODELS_DIR,
  post,
  postBytes,
  readResponse,
  request,
  scoresOf,
  testConfig,
} from "./fixture.ts";
import { buildServer, type CloudServer } from "./server.ts";

const PIXELS = 32 * 32 * 3;
const IMAGE = imageBytes(1, PIXELS);
const BYTES: WireTensor = { name: "image", datatype: "UINT8", shape: [1, 32, 32, 3], data: IMAGE };
const VALUES = Float32Array.from(IMAGE, (byte) => -1 + (2 * byte) / 255);

let server: CloudServer;
let local: SegmentModel;
let model: Model;

beforeAll(async () => {
  server = await buildServer(testConfig());
  model = readModel(new Uint8Array(await readFile(join(MODELS_DIR, "tiny", "model.json"))));
  await setBackend("wasm");
  local = new SegmentModel(model);
  for (const shard of model.shards) {
    local.addShard(shard, new Uint8Array(await readFile(join(MODELS_DIR, "tiny", shard.path))));
  }
  await server.ready;
}, 60_000);
afterAll(() => server.close());

const json = (text: string | object, headers: Record<string, string> = {}) => {
  const body = new TextEncoder().encode(typeof text === "string" ? text : JSON.stringify(text));
  return postBytes(server.app, body, { "content-type": "application/json", ...headers });
};

function expectClose(came: Float32Array, expected: Float32Array): void {
  expect(came.length).toBe(expected.length);
  const difference = Math.max(...came.map((value, at) => Math.abs(value - expected[at]!)));
  expect(difference).toBeLessThan(1e-5);
}

describe("tails", () => {
  const image: TensorValues = { shape: [1, 32, 32, 3], values: VALUES };
  const whole = async (exit: string): Promise<Float32Array> => {
    const { tail } = splitPlan(model, { exit, head: [model.dag.names[0]!] });
    return (await local.runValues(tail!, [image]))[0]!.values;
  };
  const plansOf = (exit: string, node: string): Plan[] => {
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
    return [...closedHeads(dag)].map((member) => ({ exit, head: dag.names.filter((_, at) => member[at]) }));
  };

  test("the tail at every closed cut agrees with the whole model", async () => {
    let cuts = 0;
    for (const { id, node } of model.metadata.exits) {
      const expected = await whole(id);
      for (const plan of plansOf(id, node)) {
        const { head, tail } = splitPlan(model, plan);
        if (tail === null) continue;
        const cut = await local.runValues(head, [image]);
        const tensors = tail.feeds.map((name, at) => floatTensor(name, cut[at]!.shape, cut[at]!.values));
        const response = await post(server.app, request(tensors, { parameters: { exit: id } }));
        expectClose(scoresOf(response), expected);
        cuts++;
      }
    }
    expect(cuts).toBeGreaterThan(30);
  }, 30_000);

  test("a tensor of 8 bits with its scale and offset is read as it was meant", async () => {
    const plan: Plan = { exit: "exit2", head: ["image", "stem/conv", "stem/pool"] };
    const { head, tail } = splitPlan(model, plan);
    const [pool] = await local.runValues(head, [image]);
    const { tensor, parameters } = encodeTensor("stem/pool", pool!.shape, pool!.values, "uint8");
    const sent = request([tensor], { parameters: { ...parameters, exit: "exit2" } });
    const decoded = Float32Array.from(
      tensor.data,
      (q) => Number(parameters["q.stem/pool.offset"]) + q * Number(parameters["q.stem/pool.scale"]),
    );
    const [expected] = await local.runValues(tail!, [{ shape: pool!.shape, values: decoded }]);
    expectClose(scoresOf(await post(server.app, sent)), expected!.values);
  });

  test("an image is answered by the full model: as bytes or floats, in JSON or binary", async () => {
    const expected = await whole("exit3");
    const floats = floatTensor("image", [1, 32, 32, 3], VALUES);
    expectClose(scoresOf(await post(server.app, request([BYTES]))), expected);
    expectClose(scoresOf(await post(server.app, request([floats]))), expected);
    const data = { name: "image", shape: [1, 32, 32, 3], datatype: "UINT8", data: [...IMAGE] };
    const response = await json({ id: "seven", inputs: [data] });
    expect(response.headers["content-type"]).toBe("application/json");
    expectClose(scoresOf(response), expected);
    expect(readResponse(response)).toMatchObject({ modelName: "tiny", id: "seven" });
    expect(response.json().outputs[0]).toMatchObject({ name: "exit3", datatype: "FP32", shape: [1, 10] });
  });

  test("JSON alone may come as octets without a header length", async () => {
    const inputs = [{ name: "image", shape: [1, 32, 32, 3], datatype: "UINT8", data: [...IMAGE] }];
    const body = new TextEncoder().encode(JSON.stringify({ inputs }));
    expectClose(scoresOf(await postBytes(server.app, body)), await whole("exit3"));
  });

  test("each image of a batch gets the scores that it gets alone", async () => {
    const data = new Uint8Array(3 * PIXELS);
    for (let at = 0; at < 3; at++) data.set(imageBytes(at, PIXELS), at * PIXELS);
    const batch = await post(server.app, request([{ ...BYTES, shape: [3, 32, 32, 3], data }]));
    expect(readResponse(batch).outputs[0]!.shape).toEqual([3, 10]);
    for (let at = 0; at < 3; at++) {
      const alone = await post(server.app, request([{ ...BYTES, data: imageBytes(at, PIXELS) }]));
      expectClose(scoresOf(batch).subarray(10 * at, 10 * at + 10), scoresOf(alone));
    }
  });

  test("several exits come from one request, each in the form asked for", async () => {
    const outputs = [
      { name: "exit3", binary: true },
      { name: "exit1", binary: false },
    ];
    const response = await post(server.app, request([BYTES], { outputs }));
    const described = JSON.parse(
      response.rawPayload.subarray(0, Number(response.headers["inference-header-content-length"])).toString(),
    );
    expect(described.outputs[0].parameters).toEqual({ binary_data_size: 40 });
    expect(described.outputs[1].data).toHaveLength(10);
    expectClose(scoresOf(response, 0), await whole("exit3"));
    expectClose(scoresOf(response, 1), await whole("exit1"));
  });

  test("the answer tells its times", async () => {
    const response = await post(server.app, request([BYTES], { parameters: { exit: "exit1" } }));
    const { parameters } = readResponse(response);
    expect(parameters.exit).toBe("exit1");
    const times = parseServerTiming(String(response.headers["server-timing"]));
    expect(times.computeMs).toBeGreaterThan(0);
    expect(times.computeMs).toBeCloseTo(Number(parameters.compute_ms), 2);
    expect(times.queueMs).toBeCloseTo(Number(parameters.queue_ms), 2);
    expect(times.receiveMs).toBeCloseTo(Number(parameters.receive_ms), 2);
    expect(parameters.expected_queue_ms).toBe(0);
  });
});

describe("bad requests are refused with what was expected and what came", () => {
  const with_ = (change: Partial<InferRequest>, tensor: Partial<WireTensor> = {}) =>
    post(server.app, request([{ ...BYTES, ...tensor }], change));
  const poolTensor = (at: number, value: number) => {
    const values = new Float32Array(16 * 16 * 8);
    values[at] = value;
    return floatTensor("stem/pool", [1, 16, 16, 8], values);
  };
  const cases: readonly [string, number, RegExp, () => ReturnType<typeof post>][] = [
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
      () => with_({}, { shape: [33, 32, 32, 3], data: new Uint8Array(33 * PIXELS) }),
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
      /image: expected datatype FP32 or UINT8, got INT32/,
      () => with_({}, { datatype: "INT32", data: new Uint8Array(4 * PIXELS) }),
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
    [
      "a timeout that is none",
      400,
      /timeout: expected microseconds, got soon/,
      () => with_({ parameters: { timeout: "soon" } }),
    ],
    [
      "a timeout that has passed",
      504,
      /expected the tail to start within the request's time/,
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
    ["an empty body", 400, /expected 1 to 0/, () => postBytes(server.app, new Uint8Array(0))],
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
      400,
      /expected/,
      () => json(`{"inputs":${"[".repeat(200_000)}${"]".repeat(200_000)}}`),
    ],
    [
      "a shape nested without end",
      400,
      /image: expected a shape/,
      () =>
        json(
          `{"inputs":[{"name":"image","datatype":"FP32","shape":${"[".repeat(200_000)}${"]".repeat(200_000)}}]}`,
        ),
    ],
    [
      "an id nested without end",
      400,
      /id: expected/,
      () => json(`{"id":${"[".repeat(200_000)}${"]".repeat(200_000)},"inputs":[]}`),
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
      "a compressed body",
      415,
      /content-encoding: expected identity, got gzip/,
      () => postBytes(server.app, IMAGE, { "content-encoding": "gzip" }),
    ],
  ];

  test.each(cases)("%s", async (_, status, message, send) => {
    const response = await send();
    expect(response.json()).toEqual({ error: expect.stringMatching(message) });
    expect(response.statusCode).toBe(status);
    expect((await post(server.app, request([BYTES]))).statusCode).toBe(200);
  });

  test("a frame truncated anywhere is refused", async () => {
    const { encodeRequest } = await import("#shared/protocol");
    const { body, jsonBytes } = encodeRequest(request([BYTES]));
    for (const bytes of [1, jsonBytes - 1, jsonBytes, jsonBytes + 1, body.byteLength - 1]) {
      const headers = { "inference-header-content-length": String(jsonBytes) };
      const response = await postBytes(server.app, body.subarray(0, bytes), headers);
      expect(response.statusCode).toBe(400);
      expect(response.json().error).toMatch(/expected .*bytes|expected 1 to/);
    }
  });
});

describe("the protocol's other calls", () => {
  const get = async (url: string) => (await server.app.inject(url)).json();

  test("health, server, model and repository are described", async () => {
    expect(await get("/v2/health/live")).toEqual({ live: true });
    expect(await get("/v2/health/ready")).toEqual({ ready: true });
    expect(await get("/v2")).toMatchObject({
      name: "eddi-cloud",
      extensions: expect.arrayContaining(["binary_tensor_data"]),
    });
    const described = await get("/v2/models/tiny");
    expect(described).toMatchObject({
      name: "tiny",
      versions: [model.version],
      inputs: [{ name: "image", datatype: "FP32", shape: [-1, 32, 32, 3] }],
      outputs: ["exit1", "exit2", "exit3"].map((name) => ({ name, datatype: "FP32", shape: [-1, 10] })),
      parameters: { engine: "wasm", device: "cpu" },
    });
    expect(described.parameters.exits.map(({ id }: { id: string }) => id)).toEqual([
      "exit1",
      "exit2",
      "exit3",
    ]);
    expect(await get(`/v2/models/tiny/versions/${model.version}/ready`)).toEqual({
      name: "tiny",
      ready: true,
    });
    const index = await server.app.inject({ method: "POST", url: "/v2/repository/index" });
    const tiny = { name: "tiny", version: model.version, state: "READY", reason: "" };
    expect(index.json()).toContainEqual(tiny);
  });

  test("the model runs under its version too", async () => {
    const path = `/v2/models/tiny/versions/${model.version}/infer`;
    const response = await post(server.app, request([BYTES]), path);
    expect(readResponse(response).modelVersion).toBe(model.version);
  });

  test("a probe is swallowed, up to its limit", async () => {
    const probe = (bytes: number) => postBytes(server.app, new Uint8Array(bytes), {}, "/v2/probe");
    const response = await probe(256 << 10);
    expect(response.json()).toEqual({ received: 256 << 10 });
    expect(response.headers["server-timing"]).toMatch(/^receive;dur=\d/);
    expect((await probe((256 << 10) + 1)).statusCode).toBe(413);
  });

  test.each(["/v2/nothing", "/v2/models/tiny/nothing", "/%zz", `/v2/models/${"x".repeat(500)}`])(
    "%s is answered with an error",
    async (url) => {
      const response = await server.app.inject(url);
      expect([400, 404]).toContain(response.statusCode);
      expect(response.json()).toEqual({ error: expect.any(String) });
    },
  );
});

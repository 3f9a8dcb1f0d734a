import "@tensorflow/tfjs-backend-wasm";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setBackend } from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ancestors, closedHeads, cutVertices, subgraph } from "#shared/graph";
import { type Model, type Plan, readModel, splitPlan } from "#shared/model";
import { encodeTensor, parseServerTiming, type WireTensor } from "#shared/protocol";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import { buildServer, type CloudServer } from "./server.ts";
import {
  ALL_MODELS_DIR,
  floatTensor,
  imageBytes,
  MODELS_DIR,
  post,
  postBytes,
  readResponse,
  request,
  scoresOf,
  testConfig,
  tinyImage,
} from "./testing/fixture.ts";

const BYTES = tinyImage();
const IMAGE = BYTES.data;
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
});
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
  });

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
    const data = new Uint8Array(3 * IMAGE.length);
    for (let at = 0; at < 3; at++) data.set(imageBytes(at, IMAGE.length), at * IMAGE.length);
    const batch = await post(server.app, request([{ ...BYTES, shape: [3, 32, 32, 3], data }]));
    expect(readResponse(batch).outputs[0]!.shape).toEqual([3, 10]);
    for (let at = 0; at < 3; at++) {
      const alone = await post(server.app, request([tinyImage(at)]));
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

test("every model of the project answers an image, from the image and from a tensor half-way", async () => {
  const all = await buildServer(testConfig({ modelsDir: ALL_MODELS_DIR }));
  await all.ready;
  const { body } = await all.app.inject({ method: "POST", url: "/v2/repository/index" });
  for (const { name, state, reason } of JSON.parse(body)) {
    expect({ name, state, reason }).toEqual({ name, state: "READY", reason: "" });
    const files = (file: string) => readFile(join(ALL_MODELS_DIR, name, file));
    const own = readModel(new Uint8Array(await files("model.json")));
    const { input, exits, labels } = own.metadata;
    const shape = [1, input.height, input.width, 3];
    const data = imageBytes(
      2,
      shape.reduce((product, side) => product * side),
    );
    const image: WireTensor = { name: input.node, datatype: "UINT8", shape, data };
    const path = `/v2/models/${name}/infer`;
    const scores = scoresOf(await post(all.app, request([image]), path));
    expect(scores).toHaveLength(labels.length);
    expect(scores.reduce((sum, score) => sum + score)).toBeCloseTo(1, 4);

    const last = exits.at(-1)!;
    const dag = subgraph(own.dag, ancestors(own.dag, own.dag.names.indexOf(last.node)));
    const middle = cutVertices(dag)[cutVertices(dag).length >> 1]!;
    const { head } = splitPlan(own, { exit: last.id, head: dag.names.slice(0, middle + 1) });
    const segments = new SegmentModel(own);
    for (const shard of own.shards) segments.addShard(shard, new Uint8Array(await files(shard.path)));
    const [low, high] = input.range;
    const values = Float32Array.from(data, (byte) => low + ((high - low) * byte) / 255);
    const [cut] = await segments.runValues(head, [{ shape, values }]);
    segments.dispose();
    const sent = request([floatTensor(head.outputs[0]!, cut!.shape, cut!.values)]);
    expectClose(scoresOf(await post(all.app, sent, path)), scores);
  }
  await all.close();
});

describe("the protocol's other calls", () => {
  const get = async (url: string) => (await server.app.inject(url)).json();

  test("health, server, model and repository are described", async () => {
    const live = await server.app.inject("/v2/health/live");
    expect(live.json()).toEqual({ live: true });
    expect(live.headers["server-timing"]).toMatch(/expected;dur=0\.000$/);
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
      parameters: { engine: "wasm", backend: "wasm", device: "cpu", precision: "fp32" },
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

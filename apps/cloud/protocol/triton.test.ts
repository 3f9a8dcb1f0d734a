import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HEADER_LENGTH, splitElements, type WireTensor } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import {
  floatTensor,
  imageBytes,
  post,
  postBytes,
  readResponse,
  request,
  scoresOf,
  testConfig,
} from "../testing/fixture.ts";

// Triton's extensions: model configuration, statistics, raw bodies and classification.
const IMAGE_VALUES = 32 * 32 * 3;
const values = (images: number) =>
  Float32Array.from({ length: images * IMAGE_VALUES }, (_, at) => Math.sin(at / 50));
const image = (images = 1): WireTensor => floatTensor("image", [images, 32, 32, 3], values(images));

let server: CloudServer;
let version: string;
beforeAll(async () => {
  server = await buildServer(testConfig({ maxBatch: 4 }));
  await server.ready;
  version = (await get("/v2/models/tiny")).versions[0];
});
afterAll(() => server.close());

const get = async (url: string) => (await server.app.inject(url)).json();

describe("the model's configuration", () => {
  test("tells input, outputs, largest batch and workers as they are", async () => {
    const config = await get("/v2/models/tiny/config");
    expect(config).toMatchObject({
      name: "tiny",
      platform: "tensorflow_graphdef",
      max_batch_size: 4,
      version_policy: { latest: { num_versions: 2 } },
      instance_group: [{ kind: "KIND_CPU", count: 1 }],
      model_transaction_policy: { decoupled: false },
    });
    expect(config.input).toMatchObject([
      { name: "image", data_type: "TYPE_FP32", format: "FORMAT_NHWC", dims: [32, 32, 3] },
    ]);
    expect(config.output).toMatchObject(
      ["exit1", "exit2", "exit3"].map((name) => ({ name, data_type: "TYPE_FP32", dims: [10] })),
    );
    expect(await get(`/v2/models/tiny/versions/${version}/config`)).toEqual(config);
  });

  test("names the tensors that the metadata name, as perf_analyzer expects", async () => {
    const [metadata, config] = [await get("/v2/models/tiny"), await get("/v2/models/tiny/config")];
    const names = (list: { name: string }[]) => list.map(({ name }) => name);
    expect(names(config.input)).toEqual(names(metadata.inputs));
    expect(names(config.output)).toEqual(names(metadata.outputs));
  });
});

describe("statistics", () => {
  const stats = async (url = "/v2/models/tiny/stats") => (await get(url)).model_stats[0];
  const STAGES = ["queue", "compute_input", "compute_infer", "compute_output"] as const;

  test("count images, requests, times and batches", async () => {
    const before = await stats();
    const startMs = Date.now();
    await post(server.app, request([image(3)]));
    await post(server.app, request([image(3)]));
    await post(server.app, request([image(1)]));
    const after = await stats();
    expect(after.inference_count - before.inference_count).toBe(7);
    expect(after.execution_count - before.execution_count).toBe(3);
    expect(after.last_inference).toBeGreaterThanOrEqual(startMs);
    const [was, is] = [before.inference_stats, after.inference_stats];
    for (const name of ["success", ...STAGES] as const) {
      expect(is[name].count - was[name].count, name).toBe(3);
      expect(is[name].ns - was[name].ns, name).toBeGreaterThan(0);
      expect(Number.isSafeInteger(is[name].ns), name).toBe(true);
    }
    const inStages = STAGES.reduce((sum, name) => sum + is[name].ns, 0);
    expect(is.success.ns).toBeGreaterThanOrEqual(inStages - 1000);
    expect(is.cache_hit).toEqual({ count: 0, ns: 0 });
    expect(is.cache_miss).toEqual({ count: 0, ns: 0 });
    const runs = (
      of: { batch_stats: { batch_size: number; compute_infer: { count: number } }[] },
      size: number,
    ) => of.batch_stats.find(({ batch_size }) => batch_size === size)?.compute_infer.count ?? 0;
    expect([1, 2, 3].map((size) => runs(after, size) - runs(before, size))).toEqual([1, 0, 2]);
  });

  test("count a failure as such", async () => {
    const before = await stats();
    expect((await post(server.app, request([image(5)]))).statusCode).toBe(400);
    const after = await stats();
    expect(after.inference_stats.fail.count - before.inference_stats.fail.count).toBe(1);
    expect(after.inference_count).toBe(before.inference_count);
  });

  test("are told for every model at once too", async () => {
    expect((await get("/v2/models/stats")).model_stats).toEqual([await stats()]);
    expect(await stats(`/v2/models/tiny/versions/${version}/stats`)).toEqual(await stats());
  });

  test("tell the version as a 64-bit number, by which the model is found", async () => {
    const told = (await stats()).version;
    expect(told).toMatch(/^\d+$/);
    expect(BigInt(told)).toBe(BigInt(`0x${version}`) >> 4n);
    const response = await post(server.app, request([image()]), `/v2/models/tiny/versions/${told}/infer`);
    expect(readResponse(response).modelVersion).toBe(version);
  });
});

describe("a raw body", () => {
  const raw = (bytes: Uint8Array, path?: string) =>
    postBytes(server.app, bytes, { [HEADER_LENGTH]: "0" }, path);
  const bytes = (images: number) => new Uint8Array(values(images).buffer);

  test.each([1, 3])("of %i images is answered in binary, as the same tensor is", async (images) => {
    const expected = await post(server.app, request([image(images)]));
    const came = await raw(bytes(images));
    expect(came.headers["content-type"]).toBe("application/octet-stream");
    expect(readResponse(came).outputs[0]).toMatchObject({ name: "exit3", shape: [images, 10] });
    expect(scoresOf(came)).toEqual(scoresOf(expected));
  });

  test("may be the one tensor of a virtual name", async () => {
    const pool = Float32Array.from({ length: 16 * 16 * 8 }, (_, at) => Math.cos(at));
    const expected = await post(
      server.app,
      request([floatTensor("stem/pool", [1, 16, 16, 8], pool)], { parameters: { exit: "exit1" } }),
    );
    const came = await raw(new Uint8Array(pool.buffer), "/v2/models/tiny~exit1~stem:pool/infer");
    expect(scoresOf(came)).toEqual(scoresOf(expected));
  });

  test.each<[string, Uint8Array, string | undefined, RegExp]>([
    ["nothing", new Uint8Array(0), undefined, /image: expected 12288 bytes .* each image, got 0$/],
    ["half an image", new Uint8Array(6144), undefined, /got 6144$/],
    ["too many images", new Uint8Array(5 * 12288), undefined, /image: expected a batch of at most 4, got 5/],
    [
      "a cut of two tensors",
      new Uint8Array(3072),
      "/v2/models/tiny~exit2~block2:wide+block2:point/infer",
      /expected a JSON part that names its 2 inputs, got none/,
    ],
  ])("of %s is refused", async (_, body, path, message) => {
    const response = await raw(body, path);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatch(message);
  });
});

describe("classification", () => {
  const classify = (classes: number, binary: boolean) =>
    post(server.app, request([image(2)], { outputs: [{ name: "exit3", binary, classes }] }));

  test("gives the best classes with their labels, in JSON", async () => {
    const scores = scoresOf(await post(server.app, request([image(2)])));
    const { outputs } = (await classify(3, false)).json();
    expect(outputs).toMatchObject([{ name: "exit3", datatype: "BYTES", shape: [2, 3] }]);
    const first = scores.subarray(0, 10);
    const order = [...first.keys()].sort((a, b) => first[b]! - first[a]!);
    const [score, index, label] = outputs[0].data[0].split(":");
    expect(Number(index)).toBe(order[0]);
    expect(Number(score)).toBeCloseTo(first[order[0]!]!, 5);
    expect(label).not.toBe("");
    const indices = outputs[0].data.slice(0, 3).map((text: string) => Number(text.split(":")[1]));
    expect(indices).toEqual(order.slice(0, 3));
  });

  test("gives the same in binary, and all classes when more are asked for", async () => {
    const inJson = (await classify(99, false)).json().outputs[0];
    const { datatype, shape, data } = readResponse(await classify(99, true)).outputs[0]!;
    expect([datatype, shape]).toEqual(["BYTES", [2, 10]]);
    const texts = splitElements("exit3", data, 20).map((element) => new TextDecoder().decode(element));
    expect(texts).toEqual(inJson.data);
  });

  test("of no number of classes is refused", async () => {
    const body = {
      inputs: [{ name: "image", shape: [1, 32, 32, 3], datatype: "UINT8", data: [...imageBytes(1, 3072)] }],
      outputs: [{ name: "exit3", parameters: { classification: "three" } }],
    };
    const response = await postBytes(server.app, new TextEncoder().encode(JSON.stringify(body)));
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toBe('classification: expected a number of classes, got "three"');
  });
});

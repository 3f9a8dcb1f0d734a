import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { deflateSync, gzipSync } from "node:zlib";
import Ajv from "ajv";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { decodeResponse, HEADER_LENGTH } from "#shared/protocol";
import { buildServer, type CloudServer } from "../server.ts";
import { testConfig } from "../testing/fixture.ts";

// The examples of the protocol's text and of Triton's extensions, with our names and shapes, over a real connection.
const OFFICIAL = [
  fileURLToPath(new URL("../../../../shared/oip/open_inference_rest.yaml", import.meta.url)),
  "/work/shared/oip/open_inference_rest.yaml",
].find(existsSync);

/** A model with two inputs and one output, as the official examples have it. */
const TWO_INPUTS = "tiny~exit2~block2:wide+block2:point";
const WIDE = values(8 * 8 * 12);
const POINT = values(8 * 8 * 4);
const IMAGE = values(32 * 32 * 3);

let server: CloudServer;
let base: string;
beforeAll(async () => {
  server = await buildServer(testConfig());
  await server.ready;
  base = await server.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => server.close());

function values(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => Math.sin(at / 9));
}

const bytesOf = (numbers: Float32Array): Uint8Array => new Uint8Array(numbers.buffer.slice(0));
const get = async (path: string): Promise<{ status: number; json: ReturnType<typeof JSON.parse> }> => {
  const response = await fetch(base + path);
  return { status: response.status, json: await response.json() };
};

/** Sends a JSON part and what follows it; without a content type nothing tells that it is JSON. */
async function infer(
  model: string,
  json: object,
  binaries: readonly Uint8Array[] = [],
  headers: Record<string, string> = { "content-type": "application/json" },
  compress: (body: Uint8Array) => Uint8Array = (body) => body,
) {
  const head = new TextEncoder().encode(JSON.stringify(json));
  const length = binaries.length > 0 ? { [HEADER_LENGTH]: String(head.byteLength) } : {};
  const response = await fetch(`${base}/v2/models/${encodeURIComponent(model)}/infer`, {
    method: "POST",
    headers: { ...length, ...headers },
    body: new Uint8Array(compress(Buffer.concat([head, ...binaries]))),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  const jsonBytes = response.headers.get(HEADER_LENGTH);
  const text = new TextDecoder().decode(body.subarray(0, Number(jsonBytes ?? body.byteLength)));
  return { status: response.status, headers: response.headers, body, json: JSON.parse(text) };
}

const EXAMPLE = {
  id: "42",
  inputs: [
    { name: "block2/wide", shape: [1, 8, 8, 12], datatype: "FP32", data: [...WIDE] },
    { name: "block2/point", shape: [1, 8, 8, 4], datatype: "FP32", data: [...POINT] },
  ],
  outputs: [{ name: "exit2" }],
};
const IMAGE_INPUT = { name: "image", shape: [1, 32, 32, 3], datatype: "FP32" };
const BINARY_IMAGE = { ...IMAGE_INPUT, parameters: { binary_data_size: IMAGE.byteLength } };
const OCTETS = { "content-type": "application/octet-stream" };

describe("the protocol's text", () => {
  test("health and readiness", async () => {
    expect(await get("/v2/health/live")).toEqual({ status: 200, json: { live: true } });
    expect(await get("/v2/health/ready")).toEqual({ status: 200, json: { ready: true } });
    expect(await get("/v2/models/tiny/ready")).toEqual({ status: 200, json: { name: "tiny", ready: true } });
  });

  test.each(["/v2", "/v2/"])("server metadata at %s", async (path) => {
    const { status, json } = await get(path);
    expect(status).toBe(200);
    expect(json).toEqual({
      name: expect.any(String),
      version: expect.any(String),
      extensions: expect.arrayContaining(["binary_tensor_data"]),
    });
  });

  test("model metadata", async () => {
    const { status, json } = await get(`/v2/models/${encodeURIComponent(TWO_INPUTS)}`);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      name: TWO_INPUTS,
      versions: [expect.any(String)],
      platform: "tensorflow_graphdef",
      inputs: EXAMPLE.inputs.map(({ name, datatype, shape }) => ({
        name,
        datatype,
        shape: [-1, ...shape.slice(1)],
      })),
      outputs: [{ name: "exit2", datatype: "FP32", shape: [-1, 10] }],
    });
  });

  test("a request with two inputs and one output", async () => {
    const { status, headers, body, json } = await infer(TWO_INPUTS, EXAMPLE);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
    expect(headers.get("content-length")).toBe(String(body.byteLength));
    expect(json).toEqual({
      model_name: TWO_INPUTS,
      model_version: expect.any(String),
      id: "42",
      parameters: expect.any(Object),
      outputs: [{ name: "exit2", shape: [1, 10], datatype: "FP32", data: expect.any(Array) }],
    });
    expect(json.outputs[0].data).toHaveLength(10);
  });

  test("data nested as the shape is, or flat", async () => {
    const nested = Array.from({ length: 64 }, (_, at) => [...POINT.subarray(4 * at, 4 * at + 4)]);
    const rows = Array.from({ length: 8 }, (_, at) => nested.slice(8 * at, 8 * at + 8));
    const [wide, point] = EXAMPLE.inputs;
    const flat = await infer(TWO_INPUTS, EXAMPLE);
    const deep = await infer(TWO_INPUTS, { ...EXAMPLE, inputs: [wide, { ...point, data: [rows] }] });
    expect(deep.json.outputs).toEqual(flat.json.outputs);
  });

  test("errors are an object with the message", async () => {
    for (const path of ["/v2/models/huge", "/v2/models/tiny/versions/1", "/v2/models/huge/ready"]) {
      expect(await get(path)).toEqual({ status: 404, json: { error: expect.any(String) } });
    }
    const { status, json } = await infer("tiny", EXAMPLE);
    expect({ status, json }).toEqual({ status: 200, json: expect.any(Object) });
    const refused = await infer("tiny", { ...EXAMPLE, inputs: EXAMPLE.inputs.slice(0, 1) });
    expect(refused).toMatchObject({ status: 400, json: { error: expect.any(String) } });
    expect(Object.keys(refused.json)).toEqual(["error"]);
  });
});

describe("Triton's binary data", () => {
  const inputs = EXAMPLE.inputs.map(({ data, ...input }) => ({
    ...input,
    parameters: { binary_data_size: 4 * data.length },
  }));
  const binaries = [bytesOf(WIDE), bytesOf(POINT)];

  test("in both directions", async () => {
    const asked = {
      model_name: "mymodel",
      inputs,
      outputs: [{ name: "exit2", parameters: { binary_data: true } }],
    };
    const { status, headers, body, json } = await infer(TWO_INPUTS, asked, binaries, OCTETS);
    expect(status).toBe(200);
    expect(headers.get("content-type")).toBe("application/octet-stream");
    const jsonBytes = Number(headers.get(HEADER_LENGTH));
    expect(headers.get("content-length")).toBe(String(jsonBytes + 40));
    expect(json.outputs).toEqual([
      { name: "exit2", shape: [1, 10], datatype: "FP32", parameters: { binary_data_size: 40 } },
    ]);
    const scores = new Float32Array(body.slice(jsonBytes).buffer);
    const inJson = await infer(TWO_INPUTS, EXAMPLE);
    expect([...scores]).toEqual(inJson.json.outputs[0].data);
  });

  test("beside inputs in JSON", async () => {
    const mixed = { inputs: [EXAMPLE.inputs[0], inputs[1]] };
    const { json } = await infer(TWO_INPUTS, mixed, [bytesOf(POINT)], OCTETS);
    expect(json.outputs).toEqual((await infer(TWO_INPUTS, EXAMPLE)).json.outputs);
  });

  test("of all outputs, but for the one that says otherwise", async () => {
    const outputs = [{ name: "exit3" }, { name: "exit1", parameters: { binary_data: false } }];
    const asked = { parameters: { binary_data_output: true }, inputs: [BINARY_IMAGE], outputs };
    const { json } = await infer("tiny", asked, [bytesOf(IMAGE)], OCTETS);
    expect(json.outputs).toMatchObject([
      { name: "exit3", parameters: { binary_data_size: 40 } },
      { name: "exit1", data: expect.any(Array) },
    ]);
    expect(json.outputs[0]).not.toHaveProperty("data");
  });

  test.each([
    [{ parameters: { binary_data_output: "yes" } }, /binary_data_output: expected true or false, got "yes"/],
    [{ outputs: [{ name: "exit1", parameters: { binary_data: 1 } }] }, /binary_data: expected true or false/],
  ])("asked for by no boolean is refused: %j", async (change, message) => {
    const { status, json } = await infer(
      "tiny",
      { inputs: [BINARY_IMAGE], ...change },
      [bytesOf(IMAGE)],
      OCTETS,
    );
    expect(status).toBe(400);
    expect(json.error).toMatch(message);
  });

  test("raw, without a JSON part", async () => {
    const response = await fetch(`${base}/v2/models/tiny/infer`, {
      method: "POST",
      headers: { ...OCTETS, "Inference-Header-Content-Length": "0" },
      body: new Uint8Array(bytesOf(IMAGE)),
    });
    const body = new Uint8Array(await response.arrayBuffer());
    const { outputs } = decodeResponse(body, Number(response.headers.get(HEADER_LENGTH)));
    expect(outputs).toMatchObject([{ name: "exit3", datatype: "FP32", shape: [1, 10] }]);
  });
});

describe("tritonclient's manners", () => {
  const asked = { inputs: [{ ...IMAGE_INPUT, data: [...IMAGE] }] };

  test("JSON alone comes as octets, without a length", async () => {
    const { json } = await infer("tiny", asked, [], OCTETS);
    expect(json.outputs).toEqual((await infer("tiny", asked)).json.outputs);
  });

  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
  ] as const)("a body in %s has the length of its JSON before compression", async (encoding, compress) => {
    const headers = { ...OCTETS, "content-encoding": encoding };
    const packed = await infer("tiny", { inputs: [BINARY_IMAGE] }, [bytesOf(IMAGE)], headers, compress);
    expect(packed.json.outputs).toEqual((await infer("tiny", asked)).json.outputs);
    const onlyJson = await infer("tiny", asked, [], headers, compress);
    expect(onlyJson.json.outputs).toEqual(packed.json.outputs);
  });

  test("outputs come in the order asked for, and no id comes where none was given", async () => {
    const names = ["exit2", "exit3", "exit1"];
    const { json } = await infer("tiny", { ...asked, outputs: names.map((name) => ({ name })) });
    expect(json.outputs.map((output: { name: string }) => output.name)).toEqual(names);
    expect(json).not.toHaveProperty("id");
    expect((await infer("tiny", { ...asked, id: "" })).json.id).toBe("");
  });

  test("parameters of Triton and of others are taken", async () => {
    const parameters = {
      sequence_id: 7,
      sequence_start: true,
      priority: 3,
      timeout: 60_000_000,
      triton_enable_empty_final_response: false,
      mine: "yes",
    };
    const { status, json } = await infer("tiny", { ...asked, parameters });
    expect(status).toBe(200);
    expect(json.outputs).toEqual((await infer("tiny", asked)).json.outputs);
  });
});

test("what perf_analyzer asks for, in its order", async () => {
  const { extensions } = (await get("/v2")).json;
  expect(extensions).toEqual(expect.arrayContaining(["statistics", "model_configuration"]));
  const metadata = (await get("/v2/models/tiny")).json;
  const config = (await get("/v2/models/tiny/config")).json;
  expect(config.max_batch_size).toBeGreaterThan(0);
  expect(config).not.toHaveProperty("sequence_batching");
  expect(config.platform).not.toBe("ensemble");
  const statsOf = async () => {
    const { model_stats } = (await get("/v2/models/tiny/stats")).json;
    expect(model_stats).toHaveLength(1);
    return model_stats[0];
  };
  const before = await statsOf();
  const [{ name, datatype, shape }] = metadata.inputs;
  const input = {
    name,
    datatype,
    shape: [2, ...shape.slice(1)],
    parameters: { binary_data_size: 2 * IMAGE.byteLength },
  };
  const outputs = metadata.outputs.map((output: { name: string }) => ({
    name: output.name,
    parameters: { binary_data: true },
  }));
  const { status } = await infer(
    metadata.name,
    { id: "0", inputs: [input], outputs },
    [bytesOf(IMAGE), bytesOf(IMAGE)],
    OCTETS,
  );
  expect(status).toBe(200);
  const after = await statsOf();
  expect(after.name).toBe(metadata.name);
  // It reads versions as C++'s stoll does, and looks for the one whose queue has moved.
  expect(BigInt.asIntN(64, BigInt(after.version)).toString()).toBe(after.version);
  expect(after.inference_stats.queue.count).toBe(before.inference_stats.queue.count + 1);
  expect(after.inference_count).toBe(before.inference_count + 2);
  for (const stat of Object.values<{ count: number; ns: number }>(after.inference_stats)) {
    expect(Number.isInteger(stat.count) && Number.isInteger(stat.ns)).toBe(true);
  }
  const versioned = (await get(`/v2/models/tiny/versions/${after.version}/stats`)).json;
  expect(versioned.model_stats[0].version).toBe(after.version);
});

test.skipIf(OFFICIAL === undefined)("replies fit the official schemas (needs ../shared/oip)", async () => {
  const ajv = new Ajv({ strict: false });
  ajv.addSchema(parse(readFileSync(OFFICIAL!, "utf8")), "oip");
  const check = (schema: string, value: unknown) => {
    const validate = ajv.compile({ $ref: `oip#/components/schemas/${schema}` });
    expect(validate(value), `${schema}: ${JSON.stringify(validate.errors)}`).toBe(true);
  };
  check("metadata_server_response", (await get("/v2")).json);
  check("metadata_model_response", (await get("/v2/models/tiny")).json);
  check("inference_request", EXAMPLE);
  check("inference_response", (await infer(TWO_INPUTS, EXAMPLE)).json);
  check("metadata_model_error_response", (await get("/v2/models/huge")).json);
  check("inference_error_response", (await infer("tiny", {})).json);
});

import "@tensorflow/tfjs-backend-cpu";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ready, setBackend } from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Catalogue, plainName, readModel, tailOf, type WireCodec } from "#shared/model";
import { catalogueOf, plainTails } from "#shared/profile";
import {
  decodeRequest,
  decodeTensor,
  encodeResponse,
  HEADER_LENGTH,
  type WireTensor,
} from "#shared/protocol";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import { CloudStream } from "../../service/cloud-stream.ts";
import { Service } from "../../service/service.ts";
import { askCloud } from "./ask-cloud.ts";
import { CloudWays } from "./cloud-ways.ts";
import { plainCloud } from "./plain-cloud.ts";

const folder = "models/tiny";
const model = readModel(readFileSync(`${folder}/model.json`));
const { tensors } = model.metadata;
const tails = plainTails(model);
const last = model.metadata.exits.at(-1)!.id;
const never = new AbortController().signal;
const segments = new SegmentModel(model);
const closing: (() => void)[] = [];
beforeAll(async () => {
  await setBackend("cpu");
  await ready();
  for (const shard of model.shards) segments.addShard(shard, readFileSync(`${folder}/${shard.path}`));
});
afterAll(() => segments.dispose());
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A request as the server read it. */
interface Asked {
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly inputs: readonly WireTensor[];
}
type Spoil = (response: ServerResponse, scores: WireTensor) => boolean;

/** A server that knows nothing but the protocol, and has these tails. */
async function listen(isBinary: boolean, spoil: Spoil = () => false) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const told = request.headers[HEADER_LENGTH];
    const { inputs, parameters } = decodeRequest(
      Buffer.concat(chunks),
      told === undefined ? null : Number(told),
    );
    const { url = "", headers } = request;
    asked.push({ url, headers, inputs });
    const found = tails.find(({ name }) => url === `/triton/v2/models/${name}/infer`);
    const [input] = inputs as [WireTensor];
    if (found === undefined || Object.keys(parameters).length > 0 || inputs.length > 1) {
      response.writeHead(404).end(JSON.stringify({ error: `unknown model or parameters: ${url}` }));
      return;
    }
    const { segment, exit, codec } = found;
    expect(input.datatype).toBe(codec === "uint8" ? "UINT8" : "FP32");
    const [run] = await segments.runValues(segment, [decodeTensor(input, tensors[input.name]!, {})]);
    const data = new Uint8Array(run!.values.buffer);
    const scores: WireTensor = { name: exit, datatype: "FP32", shape: [1, run!.values.length], data };
    if (spoil(response, scores)) return;
    const answer = { modelName: found.name, modelVersion: "1", parameters: {}, outputs: [scores] };
    const { body, jsonBytes } = encodeResponse(answer, () => isBinary);
    response.writeHead(200, isBinary ? { [HEADER_LENGTH]: String(jsonBytes) } : {}).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closing.push(() => server.close());
  const service = new Service({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/triton/`,
    key: null,
  });
  const catalogue = catalogueOf(tails, () => true, isBinary);
  return { asked, cloud: cloudOf(service, () => catalogue) };
}

const cloudOf = (service: Service, catalogue: () => Catalogue | null) =>
  plainCloud(
    new CloudWays(service, new CloudStream(() => service.socket("/v2/stream", "x")), "fetch"),
    model.metadata.id,
    catalogue,
  );

const valuesOf = (name: string): TensorValues => {
  const { shape, range } = tensors[name]!;
  const count = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from({ length: count }, (_, at) => {
    return range[0] + (range[1] - range[0]) * ((at * 0.618) % 1);
  });
  return { shape: [1, ...shape], values };
};

async function ask(
  cloud: ReturnType<typeof cloudOf>,
  exit: string,
  cut: readonly string[],
  codec: WireCodec["codec"],
) {
  const held = new Map(cut.map((name) => [name, valuesOf(name)]));
  const wish = { exit, mayAnswerEarlier: true, asked: [], timeoutMs: 1000 };
  const wire = (): WireCodec => ({ codec, deflate: true });
  const encoded = await cloud.encode(model, wish, held, null, new Map(), wire);
  return { encoded, outcome: await askCloud(cloud, model, encoded, never, () => {}) };
}

test.each([true, false])("every tail answers as the whole model does, in binary: %s", async (isBinary) => {
  const { asked, cloud } = await listen(isBinary);
  for (const { exit, at, codec } of tails) {
    const { encoded, outcome } = await ask(cloud, exit, [at], codec);
    const [expected] = await segments.runValues(tailOf(model, [at], exit), [valuesOf(at)]);
    if (outcome.kind !== "reply") throw outcome.error;
    expect(outcome).toMatchObject({ exit, served: null, receiveMs: null, expectedQueueMs: null });
    const worst = Math.max(...outcome.scores.map((score, i) => Math.abs(score - expected!.values[i]!)));
    expect(worst, `${exit}, ${at}, ${codec}`).toBeLessThan(codec === "uint8" ? 0.05 : 1e-5);
    expect(encoded.codecs).toEqual({ [at]: { codec, deflate: false } });
  }
  const { headers, url } = asked[0]!;
  expect(headers["content-type"]).toBe(isBinary ? "application/octet-stream" : "application/json");
  expect([HEADER_LENGTH in headers, "content-encoding" in headers]).toEqual([isBinary, false]);
  expect(url).not.toContain("%");
});

test("values outside of the tensor's range are its ends, and any codec that is asked for becomes one that is taken", async () => {
  const { asked, cloud } = await listen(true);
  const { at, exit } = tails[0]!;
  const [low, high] = tensors[at]!.range;
  const { shape, values } = valuesOf(at);
  values.set([low - 5, high + 5, low, high]);
  const wish = { exit, mayAnswerEarlier: false, asked: [], timeoutMs: 1 };
  const wire = (): WireCodec => ({ codec: "webp", quality: 60, deflate: false });
  const cut = new Map([[at, { shape, values }]]);
  const encoded = await cloud.encode(model, wish, cut, null, new Map(), wire);
  expect(encoded.model).toBe(plainName("tiny", exit, [at], "uint8"));
  await askCloud(cloud, model, encoded, never, () => {});
  expect([...asked[0]!.inputs[0]!.data.subarray(0, 4)]).toEqual([0, 255, 0, 255]);
});

test("a tail that the server does not have is not sent, and the cloud counts as there", async () => {
  const { asked, cloud } = await listen(true);
  const { outcome } = await ask(cloud, "exit2", ["block2/wide", "block2/point"], "uint8");
  expect(outcome).toMatchObject({
    kind: "failure",
    retryAfterMs: 0,
    error: {
      code: "not-found",
      message: `expected one of the ${tails.length} tails of tiny that the cloud has, got tiny~exit2~block2:wide+block2:point~uint8`,
    },
  });
  expect(asked).toEqual([]);
});

test("before it has told what it has nothing is sent", async () => {
  const cloud = cloudOf(new Service({ baseUrl: "http://nowhere.invalid/", key: null }), () => null);
  const { outcome } = await ask(cloud, last, ["image"], "uint8");
  expect(outcome).toMatchObject({
    kind: "failure",
    error: { code: "unavailable", message: "the cloud has not told yet what it has" },
  });
});

const json = (response: ServerResponse, status: number, body: unknown): true => {
  response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
  return true;
};
const withScores =
  (change: object): Spoil =>
  (response, { name, shape }) => {
    const output = { name, shape, datatype: "FP32", data: new Array(shape[1]!).fill(0.1) };
    return json(response, 200, { model_name: "tiny", outputs: [{ ...output, ...change }] });
  };
test.each<[string, Spoil, string, string]>([
  [
    "withdrawn",
    (response) => json(response, 404, { error: "no model" }),
    "not-found",
    "the cloud refuses: no model",
  ],
  ["a web page", (response) => json(response, 200, "<!doctype html>"), "bad-frame", "bytes of JSON, got: "],
  [
    "nothing",
    (response) => json(response, 200, {}),
    "bad-frame",
    "outputs: expected an array, got undefined",
  ],
  ["too few", withScores({ shape: [1, 3], data: [1, 0, 0] }), "bad-frame", "expected 10 scores, got 3"],
  ["of another shape", withScores({ shape: [1, 3] }), "bad-tensor", "expected 3 numbers or binary data, got"],
  [
    "another output",
    withScores({ name: "logits" }),
    "bad-frame",
    "expected an exit's scores as FP32, got FP32 logits",
  ],
  ["other numbers", withScores({ datatype: "INT32", data: new Array(10).fill(1) }), "bad-frame", "got INT32"],
  ["no probabilities", withScores({ data: new Array(10).fill(5) }), "bad-frame", "the cloud's exit3:"],
])("an answer that is none is told: %s", async (_, spoil, code, message) => {
  const { cloud } = await listen(false, spoil);
  const { outcome } = await ask(cloud, last, [tails.find(({ exit }) => exit === last)!.at], "float32");
  expect(outcome).toMatchObject({
    kind: "failure",
    error: { code, message: expect.stringContaining(message) },
  });
});

test("a server that is down is told", async () => {
  const { cloud } = await listen(true);
  for (const close of closing.splice(0)) close();
  const { outcome } = await ask(cloud, last, [tails.find(({ exit }) => exit === last)!.at], "float32");
  expect(outcome).toMatchObject({ kind: "failure", error: { code: "unavailable" } });
});

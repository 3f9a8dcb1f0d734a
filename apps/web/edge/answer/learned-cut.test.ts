import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { ready, setBackend } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import { allEdge, codersIn, type Plan, readModel, type Shard, type Transport } from "#shared/model";
import type { Planning } from "#shared/planning";
import { decodeRequest, decodeTensor, encodeResponse } from "#shared/protocol";
import { LEARNED, withLearned } from "../../../../shared/protocol/learned-fixture.ts";
import { Service } from "../../service/service.ts";
import { encodeCut } from "../cloud/encode-cut.ts";
import { Engine } from "../engine/engine.ts";
import { Readiness } from "../weights/readiness.ts";
import { answerImage } from "./answer-image.ts";
import { DriftWatch } from "./drift-watch.ts";
import type { Kit } from "./job.ts";

const { json, shards } = withLearned(readFileSync("models/tiny/model.json", "utf8"));
const model = readModel(new TextEncoder().encode(json));
const { metadata } = model;
const { encoder } = model.detours.get(LEARNED.tensor)!;
const bytesOf = ({ path }: Shard) => shards.get(path) ?? readFileSync(`models/tiny/${path}`);
const image = Float32Array.from({ length: 32 * 32 * 3 }, (_, at) => Math.sin(at / 7));
const never = new AbortController().signal;
const closing: (() => void)[] = [];

beforeEach(async () => {
  await setBackend("cpu");
  await ready();
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const codec = { codec: "linear", quality: 1, deflate: false } as const;
const head = ["image", "stem/conv", "stem/pool", "block1/conv1", "block1/conv2", "block1/add", "block1/relu"];
const plan: Plan = { exit: "exit3", head, codecs: { [LEARNED.tensor]: codec } };

const planning: Planning = {
  budgetMs: 60_000,
  minAccuracy: null,
  plan,
  prediction: null,
  ways: [],
  wanted: plan,
  finish: [],
  soonest: null,
  patienceMs: 0,
  load: null,
  cloudUp: true,
  mayAnswerEarlier: false,
};

/** An edge whose cloud keeps what it is sent, and answers anything. */
function setUp() {
  const engine = new Engine(model, "wasm", 1);
  const loaded: string[] = [];
  const coders = new Map<string, NonNullable<ReturnType<typeof codersIn>>["coders"]>();
  const readiness = new Readiness({
    model,
    engine: async () => engine,
    load: async (wanted) => {
      for (const shard of wanted) {
        loaded.push(shard.path);
        engine.addShard(shard, bytesOf(shard));
        const fitted = codersIn(model, shard, bytesOf(shard));
        if (fitted !== null) coders.set(fitted.name, fitted.coders);
      }
    },
    onReady: () => {},
    onProblem: () => {},
  });
  closing.push(() => readiness.close(new EddiError("cancelled", "the test is over")));
  const sent: ReturnType<typeof decodeRequest>[] = [];
  const service = new Service({ baseUrl: "http://service/", key: null });
  const kit: Kit = {
    model,
    codec: null,
    coders,
    mayFit: () => true,
    cloud: {
      send: async ({ body, jsonBytes }, _signal, onWay: (way: Transport) => void) => {
        onWay("fetch");
        sent.push(decodeRequest(body, jsonBytes!));
        const data = new Uint8Array(new Float32Array(10).fill(0.1).buffer);
        const outputs = [{ name: "exit3", datatype: "FP32" as const, shape: [1, 10], data }];
        const reply = { modelName: "tiny", modelVersion: model.version, parameters: {}, outputs };
        const encoded = encodeResponse(reply, () => true);
        const heard = { retryAfterS: null, elapsedMs: 1, arrivedMs: performance.now() };
        return { status: 200, ...encoded, times: null, ...heard };
      },
    },
    encodeCut,
    simulated: () => null,
    traffic: service.traffic,
    engine: () => engine,
    onEngineError: ({ message }) => expect.fail(message),
    readiness,
    drift: new DriftWatch(model, () => {}),
    planFor: async () => null,
    onMeasured: () => {},
  };
  return { kit, engine, readiness, sent, loaded };
}

test("a cut by a learned codec is sent as what its encoder makes of it, in the same run as the head", async () => {
  const { kit, engine, sent, loaded } = setUp();
  const run = vi.spyOn(engine, "run");
  const answer = await answerImage(kit, image, { budgetMs: 60_000, plan }, never);
  expect(answer).toMatchObject({ source: "cloud", cut: [LEARNED.tensor], codecs: plan.codecs });
  expect(answer.here.toSorted()).toEqual(head.slice(1).toSorted());
  // What the decoder's tensor stands for is not computed, nor what leads to it.
  expect(answer.there).toContain("block3/conv1");
  expect(answer.there.filter((name) => name.startsWith("block2/"))).toEqual([]);
  expect(run).toHaveBeenCalledTimes(1);
  expect(loaded).toContain("codec-block1-relu-encoder-latent.bin");
  expect(loaded).not.toContain("codec-block1-relu-decoder-decoded.bin");
  const [{ inputs, parameters }] = sent as [(typeof sent)[0]];
  expect(inputs.map(({ name, datatype }) => [name, datatype])).toEqual([[LEARNED.tensor, "BYTES"]]);
  const latentOf = async (name: string) => {
    const segment = { nodes: [...head.slice(1), ...encoder.nodes], feeds: ["image"], outputs: [name] };
    const feeds = new Map([["image", { shape: [1, 32, 32, 3], values: image }]]);
    return (await engine.run(segment, feeds, [name])).values[0]!.values;
  };
  const latent = await latentOf(LEARNED.latent);
  const { values } = decodeTensor(
    inputs[0]!,
    metadata.tensors[LEARNED.latent]!,
    parameters,
    kit.coders.get(LEARNED.tensor)!,
  );
  const off = values.map((value, at) => Math.abs(value - latent[at]!));
  expect(Math.max(...off)).toBeLessThanOrEqual(0.1 + 1e-6);
  expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(0);
});

test("behind an early exit that shares the trunk the encoder alone is left to run", async () => {
  const { kit, engine, sent } = setUp();
  const run = vi.spyOn(engine, "run");
  const early = [{ exit: "exit1", threshold: 1 }];
  const answer = await answerImage(kit, image, { budgetMs: 60_000, plan: { ...plan, early } }, never);
  expect(answer.source).toBe("cloud");
  expect(run.mock.calls.at(-1)![0]).toEqual({
    nodes: encoder.nodes,
    feeds: [LEARNED.tensor],
    outputs: encoder.outputs,
  });
  expect(sent[0]!.inputs[0]!.datatype).toBe("BYTES");
});

test("where the service does not decode such codecs the tensor itself goes, whatever the plan says", async () => {
  const { kit, sent } = setUp();
  const elsewhere: Kit = { ...kit, mayFit: () => false };
  const answer = await answerImage(elsewhere, image, { budgetMs: 60_000, plan }, never);
  expect(answer.codecs).toEqual({ [LEARNED.tensor]: { codec: "uint8", deflate: false } });
  expect(sent[0]!.inputs[0]).toMatchObject({ datatype: "UINT8", shape: [1, 16, 16, 8] });
});

test("until its encoder is there a tensor goes as usual, and the optimizer's plan is made ready with it", async () => {
  const { kit, readiness, sent } = setUp();
  await readiness.prepare(allEdge(model, "exit3"), never);
  expect(readiness.isReady(head.slice(1))).toBe(true);
  expect(readiness.isReady(encoder.nodes)).toBe(false);
  const planned: Kit = { ...kit, planFor: async () => planning };
  const answer = await answerImage(planned, image, { budgetMs: 60_000 }, never);
  expect(answer.codecs).toEqual({ [LEARNED.tensor]: { codec: "uint8", deflate: false } });
  expect(sent[0]!.inputs[0]!.datatype).toBe("UINT8");
  readiness.want(plan);
  await readiness.settled();
  expect(readiness.isReady(encoder.nodes)).toBe(true);
  const next = await answerImage(planned, image, { budgetMs: 60_000 }, never);
  expect(next.codecs).toEqual(plan.codecs);
});

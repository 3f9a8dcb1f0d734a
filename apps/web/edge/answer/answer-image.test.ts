import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { backend, memory, ready, setBackend } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import type { Latency } from "#shared/evaluator";
import type { Measured } from "#shared/learning";
import {
  allCloud,
  allEdge,
  confidence,
  type EarlyExit,
  edgeNodes,
  exitById,
  exitConfidence,
  type Plan,
  readModel,
  splitPlan,
  tailOf,
  topClass,
} from "#shared/model";
import type { Planning, Way } from "#shared/planning";
import { decodeRequest, decodeTensor, encodeResponse, HEADER_LENGTH } from "#shared/protocol";
import { SegmentModel } from "#shared/runtime";
import { CloudStream } from "../../service/cloud-stream.ts";
import { Service } from "../../service/service.ts";
import type { ExitDrift, Provisional } from "../../talk/edge.ts";
import { CloudWays } from "../cloud/cloud-ways.ts";
import { encodeCut } from "../cloud/encode-cut.ts";
import { Engine } from "../engine/engine.ts";
import { Readiness } from "../weights/readiness.ts";
import { answerImage } from "./answer-image.ts";
import { DriftWatch } from "./drift-watch.ts";
import type { Kit } from "./job.ts";

const folder = "models/tiny";
const model = readModel(readFileSync(`${folder}/model.json`));
const { metadata } = model;
const exits = metadata.exits.map(({ id }) => id);
const values = Float32Array.from({ length: metadata.input.height * metadata.input.width * 3 }, (_, i) =>
  Math.sin(i / 7),
);
const never = new AbortController().signal;
const closing: (() => void)[] = [];

beforeEach(async () => {
  await setBackend("cpu");
  await ready();
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.unstubAllGlobals();
});

/** An edge with all weights at hand, and the optimizer's plan for it. */
async function setUp(
  plan: Plan | null,
  {
    ready: isReady = true,
    finishMs = 5,
    mayAnswerEarlier = false,
    soonest = null as Planning["soonest"],
  } = {},
) {
  const engine = new Engine(model, "wasm", 1);
  const service = new Service({ baseUrl: "http://service/", key: null });
  const measured: Measured[] = [];
  const lost: string[] = [];
  const drifts: (readonly ExitDrift[])[] = [];
  let broken = false;
  const readiness = new Readiness({
    model,
    engine: async () => engine,
    load: async (shards) => {
      if (!isReady) throw new EddiError("unavailable", "no weights");
      for (const shard of shards) engine.addShard(shard, readFileSync(`${folder}/${shard.path}`));
    },
    onReady: () => {},
    onProblem: () => {},
  });
  closing.push(() => readiness.close(new EddiError("cancelled", "the test is over")));
  if (isReady) for (const exit of exits) await readiness.prepare(allEdge(model, exit), never);
  const planning = (budgetMs: number): Planning => ({
    budgetMs,
    plan,
    ways: plan === null ? [] : waysOf(plan),
    prediction: {
      latency: { totalMs: 20, edgeMs: 5 } as Latency,
      imageMs: 0,
      totalMs: 20,
      sdMs: 2,
      p95Ms: 24,
      expectedMs: 20,
      accuracy: null,
      probability: 1,
      feasible: true,
    },
    wanted: plan,
    finish: exits.map((exit) => ({ exit, finishMs, latestMs: 1.2 * finishMs })),
    soonest,
    patienceMs: 0,
    load: null,
    mayAnswerEarlier,
    minAccuracy: null,
    cloudUp: true,
  });
  const kit: Kit = {
    model,
    codec: { codec: "float32", deflate: false },
    coders: new Map(),
    mayFit: () => false,
    cloud: new CloudWays(service, new CloudStream(() => service.socket("/v2/stream", "x")), "fetch"),
    encodeCut,
    simulated: () => null,
    traffic: service.traffic,
    engine: () => (broken ? null : engine),
    onEngineError: ({ message }) => {
      broken = true;
      lost.push(message);
    },
    readiness,
    drift: new DriftWatch(model, (drift) => drifts.push(drift)),
    planFor: async ({ budgetMs }) => planning(budgetMs),
    onMeasured: (one) => measured.push(one),
  };
  return { kit, measured, lost, drifts, engine };
}

/** The ways of a plan, each with a time of its own. */
function waysOf(plan: Plan): Way[] {
  const { tail } = splitPlan(model, plan);
  const forecast = (totalMs: number) => ({
    latency: { totalMs } as Latency,
    imageMs: 0,
    totalMs,
    sdMs: 1,
    p95Ms: totalMs + 2,
  });
  return [
    ...(plan.early ?? []).map(({ exit }, at): Way => ({ exit, by: "edge", forecast: forecast(1 + at) })),
    ...exits
      .slice(0, exits.indexOf(plan.exit))
      .map((exit, at): Way => ({ exit, by: "cloud", forecast: forecast(11 + at) })),
    { exit: plan.exit, by: tail === null ? "edge" : "cloud", forecast: forecast(20) },
  ];
}

/**
 * A cloud in this process: runs the tail between what comes and the exit asked for; where that is allowed, it is busy
 * and answers at the first.
 */
function stubCloud(delayMs = 0, spoil?: (request: Request) => Response | null): { requests: number } {
  const segments = new SegmentModel(model);
  for (const shard of model.shards) segments.addShard(shard, readFileSync(`${folder}/${shard.path}`));
  closing.push(() => segments.dispose());
  const log = { requests: 0 };
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    log.requests += 1;
    await new Promise((done, fail) => {
      setTimeout(done, delayMs);
      init.signal?.addEventListener("abort", () => fail(init.signal?.reason));
    });
    const request = new Request(url, { ...init, signal: null, duplex: "half" } as RequestInit);
    const spoiled = spoil?.(request.clone());
    if (spoiled) return spoiled;
    const asked = decodeRequest(
      new Uint8Array(await request.arrayBuffer()),
      Number(request.headers.get(HEADER_LENGTH)),
    );
    const exit = asked.parameters.allow_earlier_exit ? exits[0]! : String(asked.parameters.exit);
    const names = asked.inputs.map(({ name }) => name);
    const tail = tailOf(model, names, exit);
    const feeds = tail.feeds.map((name) => {
      const tensor = asked.inputs.find((input) => input.name === name)!;
      return {
        ...decodeTensor(tensor, metadata.tensors[name]!, asked.parameters),
      };
    });
    const [scores] = await segments.runValues(tail, feeds);
    return responseOf(exit, scores!.values);
  });
  return log;
}

/** A service's reply. */
function responseOf(exit: string, scores: Float32Array): Response {
  const data = new Uint8Array(scores.buffer);
  const outputs = [{ name: exit, datatype: "FP32" as const, shape: [1, scores.length], data }];
  const head = { modelName: metadata.id, modelVersion: model.version, parameters: {}, outputs };
  const { body, jsonBytes } = encodeResponse(head, () => true);
  const headers = { [HEADER_LENGTH]: String(jsonBytes), "server-timing": "receive;dur=1, compute;dur=2" };
  return new Response(body as Uint8Array<ArrayBuffer>, { headers });
}

const ask = (kit: Kit, budgetMs = 500, signal = never) => answerImage(kit, values, { budgetMs }, signal);

const wholeScores = (engine: Engine, exit: string) => scoresOf(engine, exit, values);

async function scoresOf(engine: Engine, exit: string, picture: Float32Array): Promise<Float32Array> {
  const { head } = splitPlan(model, allEdge(model, exit));
  const shape = [1, ...model.nodes[0]!.tensor.shape];
  const feeds = new Map([[metadata.input.node, { shape, values: picture }]]);
  return (await engine.run(head, feeds, [exitById(metadata, exit).node])).values[0]!.values;
}

/** Every prefix of an exit's DAG in topological order is a head. */
function prefixPlans(exit: string): Plan[] {
  const { head } = allEdge(model, exit);
  return head.map((_, at) => ({ exit, head: head.slice(0, at + 1) }));
}

test("head and tail together answer as the whole model does, at every prefix of every exit", async () => {
  const { kit, engine, measured } = await setUp(null);
  stubCloud();
  for (const exit of exits) {
    const whole = await wholeScores(engine, exit);
    for (const plan of prefixPlans(exit)) {
      const answer = await answerImage(kit, values, { budgetMs: 1000, plan }, never);
      expect(answer.source).toBe(plan.head.length === allEdge(model, exit).head.length ? "edge" : "cloud");
      expect(answer.exit).toBe(exit);
      const worst = Math.max(...answer.scores.map((score, i) => Math.abs(score - whole[i]!)));
      expect(worst, `${exit}, ${answer.cut}`).toBeLessThan(1e-6);
    }
  }
  expect(measured.filter(({ cloud }) => cloud?.kind === "lost")).toEqual([]);
});

test("a cloud that cannot be reached costs accuracy at most, at any cut", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  const last = exits.at(-1)!;
  for (const plan of prefixPlans(last).slice(0, -1)) {
    const { kit, engine, measured } = await setUp(plan);
    const answer = await ask(kit);
    expect(answer).toMatchObject({ source: "fallback", exit: last, plan });
    expect(answer.reason).toContain("cannot be reached");
    const whole = await wholeScores(engine, last);
    const worst = Math.max(...answer.scores.map((score, i) => Math.abs(score - whole[i]!)));
    expect(worst).toBeLessThan(1e-6);
    expect(measured[0]?.cloud).toMatchObject({ kind: "lost", waitedMs: null });
  }
});

test("a busy service answers at an earlier exit where no accuracy is asked for, and is measured by that", async () => {
  stubCloud();
  const [first, last] = [exits[0]!, exits.at(-1)!];
  for (const mayAnswerEarlier of [true, false]) {
    const { kit, engine, measured } = await setUp(allCloud(model, last), { mayAnswerEarlier });
    const answer = await ask(kit);
    const exit = mayAnswerEarlier ? first : last;
    expect(answer).toMatchObject({ source: "cloud", exit });
    const whole = await wholeScores(engine, exit);
    const worst = Math.max(...answer.scores.map((score, i) => Math.abs(score - whole[i]!)));
    expect(worst).toBeLessThan(1e-6);
    expect(measured[0]?.cloud).toMatchObject({ kind: "answered", plan: { exit } });
  }
});

test("when the reply is late the edge finishes, and the wait is told", async () => {
  stubCloud(5000);
  const { kit, measured } = await setUp(allCloud(model, exits.at(-1)!), { finishMs: 100 });
  const answer = await ask(kit, 300);
  expect(answer.source).toBe("fallback");
  expect(answer.totalMs).toBeLessThan(1500);
  expect(answer.stages.lostMs).toBeGreaterThan(150);
  expect(measured[0]?.cloud).toMatchObject({ kind: "lost", retryAfterMs: null });
});

test("the insurance is finished in time for the budget, told at once, and replaced by a reply that still comes", async () => {
  const insurance = { exit: exits[1]! };
  const plan = { ...allCloud(model, exits.at(-1)!), insurance };
  for (const [delayMs, source] of [
    [60_000, "fallback"],
    [1500, "cloud"],
  ] as const) {
    const log = stubCloud(delayMs);
    // It starts 3000 - 1.2 * 2000 - 60 ms after the image came.
    const { kit, engine, measured } = await setUp(plan, { finishMs: 2000 });
    const { numTensors } = memory();
    const told: Provisional[] = [];
    const answer = await answerImage(kit, values, { budgetMs: 3000 }, never, (one) => told.push(one));
    expect(log.requests).toBe(1);
    expect(memory().numTensors).toBe(numTensors);
    expect(answer).toMatchObject({ source, worksTwice: true, plan });
    expect(told).toMatchObject([{ exit: insurance.exit, by: "insurance" }]);
    expect(told[0]!.elapsedMs).toBeGreaterThanOrEqual(540);
    expect(told[0]!.elapsedMs).toBeLessThan(answer.totalMs);
    const expected = await wholeScores(engine, answer.exit);
    expect(answer.exit).toBe(source === "cloud" ? exits.at(-1) : insurance.exit);
    expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-5);
    if (source === "fallback") {
      // It waits for a better one as long as it may.
      expect(answer.totalMs).toBeGreaterThanOrEqual(2940);
      expect(told[0]!.confidence).toBe(answer.confidence);
      expect(answer.here).toContain(exitById(metadata, insurance.exit).node);
      expect(measured[0]!.cloud).toMatchObject({ kind: "lost" });
    } else expect(answer.here).toEqual([]);
  }
});

test("where the soonest answer is wanted an early exit on the way answers when it is sure, and no node runs twice", async () => {
  stubCloud(60_000);
  const [first, second, third] = [exits[0]!, exits[1]!, exits[2]!];
  // The first exit was asked in vain.
  const { head } = allEdge(model, first);
  const plan = {
    exit: third,
    head: allEdge(model, third).head.filter((name) => head.includes(name)),
    early: [{ exit: first, threshold: 1 }],
  };
  for (const [threshold, exit] of [
    [0, second],
    [1, third],
  ] as const) {
    const stages = [
      { exit: second, threshold, ms: 100, partsMs: [100], share: 0.5 },
      { exit: third, threshold: 0, ms: 100, partsMs: [100], share: 0.5 },
    ];
    const { kit, engine } = await setUp(plan, { soonest: { exit: third, stages } });
    const run = vi.spyOn(engine, "run");
    const { numTensors } = memory();
    const told: Provisional[] = [];
    const answer = await answerImage(kit, values, { budgetMs: 5000 }, never, (one) => told.push(one));
    await vi.waitFor(() => expect(memory().numTensors).toBe(numTensors));
    expect(answer).toMatchObject({ source: "fallback", exit, worksTwice: true, plan });
    const computed = run.mock.calls.flatMap(([{ nodes }]) => nodes);
    expect(new Set(computed).size).toBe(computed.length);
    expect(answer.here.toSorted()).toEqual(computed.toSorted());
    expect(answer.asked.map((one) => one.exit)).toEqual([first, second]);
    expect(told.map((one) => one.exit)).toEqual(exit === second ? [first, second] : [first, second, third]);
    const whole = await wholeScores(engine, exit);
    expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - whole[i]!)))).toBeLessThan(1e-6);
  }
});

test("early exits that are not sure are told at once", async () => {
  stubCloud();
  const early = exits.slice(0, 2).map((exit) => ({ exit, threshold: 1 }));
  const { kit } = await setUp({ ...allEdge(model, exits.at(-1)!), early });
  const told: Provisional[] = [];
  const answer = await answerImage(kit, values, { budgetMs: 1000 }, never, (one) => told.push(one));
  expect(told.map(({ exit, by }) => [exit, by])).toEqual(early.map(({ exit }) => [exit, "early exit"]));
  expect(told.map(({ confidence }) => confidence)).toEqual(answer.asked.map(({ confidence }) => confidence));
  expect(answer).toMatchObject({ source: "edge", worksTwice: false });
});

test("a service that refuses is asked again only when it says so", async () => {
  const headers = { "retry-after": "3" };
  stubCloud(0, () => new Response(JSON.stringify({ error: "queue full" }), { status: 503, headers }));
  const { kit, measured } = await setUp(allCloud(model, exits[0]!));
  const answer = await ask(kit);
  expect(answer.source).toBe("fallback");
  expect(answer.reason).toBe("the cloud refuses: queue full");
  expect(measured[0]?.cloud).toMatchObject({ kind: "lost", retryAfterMs: 3000 });
});

test("a reply that is no reply is not believed", async () => {
  for (const body of [
    "",
    "{}",
    "<html>",
    '{"outputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]}',
  ]) {
    stubCloud(0, () => new Response(body));
    const { kit } = await setUp(allCloud(model, exits[0]!));
    expect(await ask(kit), body).toMatchObject({ source: "fallback" });
  }
});

test("before any weights are there the cloud answers, late or not", async () => {
  stubCloud(400);
  const { kit } = await setUp(allEdge(model, exits[0]!), { ready: false });
  const answer = await ask(kit, 50);
  expect(answer).toMatchObject({ source: "cloud", exit: exits[0] });
  expect(answer.cut).toEqual([metadata.input.node]);
});

test("where nothing may be sent nothing is, whatever the plan, the weights and the engine do", async () => {
  const asked = vi.fn();
  vi.stubGlobal("fetch", asked);
  const options = { budgetMs: 5000, phoneOnly: true };
  const plan = allCloud(model, exits[2]!);
  const { kit } = await setUp(plan);
  const answer = await answerImage(kit, values, options, never);
  expect(answer).toMatchObject({ source: "edge", exit: exits[0], requestBytes: 0, there: [] });
  const given = answerImage(kit, values, { ...options, plan }, never);
  await expect(given).rejects.toMatchObject({ code: "bad-plan" });
  const { kit: empty } = await setUp(plan, { ready: false });
  await expect(answerImage(empty, values, options, never)).rejects.toMatchObject({ code: "unavailable" });
  // An engine that fails under way would have the cloud do it all.
  const broken = await setUp(allEdge(model, exits[2]!));
  vi.spyOn(broken.engine, "run").mockRejectedValue(new Error("device lost"));
  await expect(answerImage(broken.kit, values, options, never)).rejects.toMatchObject({
    code: "unavailable",
  });
  expect(asked).not.toHaveBeenCalled();
});

test("when the engine fails the cloud does it all, and the engine is given up", async () => {
  stubCloud();
  const { kit, lost, engine } = await setUp(allEdge(model, exits.at(-1)!));
  vi.spyOn(engine, "run").mockRejectedValue(new EddiError("internal", "device lost"));
  const answer = await ask(kit);
  expect(answer).toMatchObject({ source: "cloud", exit: exits.at(-1) });
  expect(lost).toEqual(["device lost"]);
});

test("only without engine and cloud there is no answer", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  const { kit, engine } = await setUp(allEdge(model, exits.at(-1)!));
  vi.spyOn(engine, "run").mockRejectedValue(new EddiError("internal", "device lost"));
  vi.spyOn(kit.readiness, "prepare").mockRejectedValue(new EddiError("unavailable", "none"));
  await expect(ask(kit)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/^the cloud cannot be reached: .*; and no engine works on this device$/),
  });
});

test("an aborted answer rejects and the request is broken off", async () => {
  stubCloud(5000);
  const { kit } = await setUp(allCloud(model, exits[0]!));
  const controller = new AbortController();
  const answering = ask(kit, 4000, controller.signal);
  setTimeout(() => controller.abort(new EddiError("cancelled", "enough")), 20);
  await expect(answering).rejects.toMatchObject({ code: "cancelled" });
});

/** Every prefix of the last exit's DAG that can ask these exits. */
function earlyPlans(early: readonly EarlyExit[]): Plan[] {
  return prefixPlans(exits.at(-1)!)
    .map((plan) => ({ ...plan, early }))
    .filter((plan) => {
      try {
        return splitPlan(model, plan) !== null;
      } catch {
        return false;
      }
    });
}

test("a sure early exit answers at once, with its own scores, at every cut", async () => {
  const { kit, engine, measured } = await setUp(null);
  const cloud = stubCloud();
  const [first, second] = exits;
  const expected = await wholeScores(engine, first!);
  const plans = [[first!], [first!, second!]].flatMap((ids) =>
    earlyPlans(ids.map((exit) => ({ exit, threshold: 0 }))),
  );
  expect(plans.length).toBeGreaterThan(15);
  for (const plan of plans) {
    const answer = await answerImage(kit, values, { budgetMs: 1000, plan }, never);
    expect(answer).toMatchObject({ source: "edge", exit: first, plan, cut: [], requestBytes: 0 });
    expect(answer.asked).toEqual([{ exit: first, threshold: 0, confidence: confidence(expected, 1) }]);
    expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-6);
    expect(answer.stages.headMs).toBeGreaterThan(0);
    const { head } = measured.at(-1)!;
    expect(head).toMatchObject({ plan: allEdge(model, first!), branches: [], runs: 1 });
    // What the page did between its stages included.
    expect(head!.ms).toBeGreaterThanOrEqual(answer.stages.headMs - 1e-6);
    expect(head!.ms).toBeLessThanOrEqual(answer.totalMs);
  }
  expect(cloud.requests).toBe(0);
});

test("an exit that the cloud keeps contradicting has to be surer, and is believed again when it does not", async () => {
  const { kit, engine, drifts } = await setUp(null);
  const first = exits[0]!;
  const scores = await wholeScores(engine, first);
  const own = exitConfidence(scores, exitById(metadata, first));
  let contradicts: "always" | "never" = "always";
  const said = vi.spyOn(kit.drift, "label");
  stubCloud(0, () => {
    const other = new Float32Array(scores.length);
    other[(topClass(latest) + Number(contradicts === "always")) % other.length] = 1;
    return responseOf(exits.at(-1)!, other);
  });
  let latest = scores;
  let pictures = 0;
  const ask = async (threshold: number, isNew: boolean) => {
    const picture = isNew ? values.map((value, at) => value * Math.cos(at * ++pictures)) : values;
    latest = isNew ? await scoresOf(engine, first, picture) : scores;
    const plan = earlyPlans([{ exit: first, threshold }]).at(-2)!;
    return answerImage(kit, picture, { budgetMs: 60_000, plan }, never);
  };
  expect((await ask(own, false)).source).toBe("edge");
  // The same picture over and over is one label.
  for (let image = 0; image < 100; image++) await ask(1, false);
  expect(said).toHaveBeenCalledTimes(100);
  expect(drifts).toEqual([]);
  for (let image = 0; image < 500 && drifts.length === 0; image++) await ask(1, true);
  const [told] = drifts.at(-1)!;
  expect(told).toMatchObject({ exit: first, agreed: 0 });
  expect(told!.expected).toBeGreaterThan(0);
  // What was sure enough is not any more.
  const unsure = await ask(own, false);
  expect(unsure.source).toBe("cloud");
  expect(unsure.asked[0]!.confidence).toBeLessThan(own);
  contradicts = "never";
  for (let image = 0; image < 1000 && drifts.at(-1)!.length > 0; image++) await ask(1, true);
  expect(drifts.at(-1)).toEqual([]);
  expect((await ask(own, false)).source).toBe("edge");
});

test("when no early exit is sure the answer is the plain plan's, and no node runs twice", async () => {
  const { kit, engine, measured } = await setUp(null);
  stubCloud();
  const last = exits.at(-1)!;
  const expected = await wholeScores(engine, last);
  const run = vi.spyOn(engine, "run");
  for (const ids of [exits.slice(0, 1), exits.slice(1, 2), exits.slice(0, 2)]) {
    for (const plan of earlyPlans(ids.map((exit) => ({ exit, threshold: 1 })))) {
      run.mockClear();
      const answer = await answerImage(kit, values, { budgetMs: 1000, plan }, never);
      const { cut } = splitPlan(model, plan);
      expect(answer).toMatchObject({ source: cut.length > 0 ? "cloud" : "edge", exit: last, cut });
      expect(answer.asked.map(({ exit }) => exit)).toEqual(ids);
      expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-6);
      const computed = run.mock.calls.flatMap(([{ nodes }]) => nodes);
      expect(new Set(computed).size).toBe(computed.length);
      expect([metadata.input.node, ...computed].toSorted()).toEqual([...edgeNodes(model, plan)].toSorted());
      const { head } = measured.at(-1)!;
      expect(head?.plan).toMatchObject({ exit: last, head: plan.head });
      expect([...plan.head, ...head!.branches].toSorted()).toEqual([...edgeNodes(model, plan)].toSorted());
      expect(head?.runs).toBe(run.mock.calls.filter(([{ nodes }]) => nodes.length > 0).length);
    }
  }
});

test("the threshold decides, and the temperature what it is compared with", async () => {
  const { kit, engine } = await setUp(null);
  const [first, last] = [exits[0]!, exits.at(-1)!];
  const scores = await wholeScores(engine, first);
  for (const temperature of [0.5, 1, 4]) {
    const hot = metadata.exits.map((exit) => ({ ...exit, temperature }));
    const hotModel = { ...model, metadata: { ...metadata, exits: hot } };
    const hotKit = { ...kit, model: hotModel, drift: new DriftWatch(hotModel, () => {}) };
    const sure = confidence(scores, temperature);
    for (const [threshold, exit] of [[sure - 1e-4, first] as const, [sure + 1e-4, last] as const]) {
      const plan = { ...allEdge(model, last), early: [{ exit: first, threshold }] };
      const answer = await answerImage(hotKit, values, { budgetMs: 1000, plan }, never);
      expect(answer.exit).toBe(exit);
      expect(answer.asked[0]!.confidence).toBeCloseTo(sure, 5);
    }
  }
});

test("without the cloud an exit that was asked before answers when nothing better can be had in time", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  const [first, second] = exits;
  const early = [first!, second!].map((exit) => ({ exit, threshold: 1 }));
  const plan = earlyPlans(early)[0]!;
  expect(splitPlan(model, plan).tail).not.toBeNull();
  const slow = await setUp(plan, { finishMs: 60_000 });
  const run = vi.spyOn(slow.engine, "run");
  const answer = await ask(slow.kit);
  expect(answer).toMatchObject({ source: "fallback", exit: second, plan });
  const expected = await wholeScores(slow.engine, second!);
  expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-6);
  const computed = run.mock.calls.slice(0, -1).flatMap(([{ nodes }]) => nodes);
  expect([metadata.input.node, ...computed].toSorted()).toEqual([...edgeNodes(model, plan)].toSorted());
  // With time the edge finishes at the last exit.
  expect(await ask((await setUp(plan)).kit)).toMatchObject({ source: "fallback", exit: exits.at(-1) });
});

test("when the engine fails between two early exits the cloud does it all", async () => {
  stubCloud();
  const last = exits.at(-1)!;
  const early = exits.slice(0, 2).map((exit) => ({ exit, threshold: 1 }));
  const { kit, lost, engine } = await setUp({ ...allEdge(model, last), early });
  const { numTensors } = memory();
  const run = engine.run.bind(engine);
  vi.spyOn(engine, "run").mockImplementationOnce(run).mockRejectedValue(new EddiError("internal", "gone"));
  const answer = await ask(kit);
  expect(answer).toMatchObject({ source: "cloud", exit: last, plan: allCloud(model, last) });
  expect(answer.asked.map(({ exit }) => exit)).toEqual([exits[0]]);
  expect(lost).toEqual(["gone"]);
  expect(memory().numTensors).toBe(numTensors);
});

test("early exits that the plan cannot ask are refused", async () => {
  const { kit } = await setUp(null);
  const last = exits.at(-1)!;
  const sure = (exit: string, threshold = 0.5) => ({ exit, threshold });
  const whole = allEdge(model, last);
  for (const plan of [
    { ...whole, early: [sure("nowhere")] },
    { ...whole, early: [sure(last)] },
    { ...whole, early: [sure(exits[1]!), sure(exits[0]!)] },
    { ...whole, early: [sure(exits[0]!, 1.1)] },
    { ...allCloud(model, last), early: [sure(exits[0]!)] },
  ]) {
    const answering = answerImage(kit, values, { budgetMs: 100, plan }, never);
    await expect(answering, JSON.stringify(plan.early)).rejects.toMatchObject({ code: "bad-plan" });
  }
});

test("no tensors are left behind, whichever way an image goes", async () => {
  const half = prefixPlans(exits.at(-1)!)[8]!;
  const { kit } = await setUp(half);
  stubCloud();
  await ask(kit);
  const { numTensors } = memory();
  await ask(kit);
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  await ask(kit);
  await answerImage(kit, values, { budgetMs: 100, plan: allEdge(model, exits[0]!) }, never);
  expect(memory().numTensors).toBe(numTensors);
  for (const threshold of [0, 1]) {
    for (const plan of earlyPlans(exits.slice(0, 2).map((exit) => ({ exit, threshold })))) {
      await answerImage(kit, values, { budgetMs: 100, plan }, never);
      expect(memory().numTensors, `${threshold}, ${plan.head.length}`).toBe(numTensors);
    }
  }
});

test("nodes here and nodes there are the plan's when the cloud answers, and the reply's bytes are told", async () => {
  const { kit } = await setUp(null);
  stubCloud();
  for (const exit of exits) {
    for (const plan of prefixPlans(exit)) {
      const answer = await answerImage(kit, values, { budgetMs: 1000, plan }, never);
      const { head, tail } = splitPlan(model, plan);
      expect(answer.here).toEqual(head.nodes);
      expect(answer.there).toEqual(tail?.nodes ?? []);
      expect(answer.replyBytes > 0).toBe(tail !== null);
      expect(answer.prediction, "of a forced plan").toBeNull();
    }
  }
});

test("a fallback ran here alone, and was predicted by nobody", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  const last = exits.at(-1)!;
  for (const plan of prefixPlans(last).slice(0, -1)) {
    const { kit } = await setUp(plan);
    const answer = await ask(kit);
    expect(answer).toMatchObject({
      source: "fallback",
      exit: last,
      there: [],
      prediction: null,
      replyBytes: 0,
    });
    expect(answer.here).toEqual(allEdge(model, last).head.slice(1));
    expect(answer.requestBytes).toBeGreaterThan(0);
  }
});

test("the prediction is of the way that was taken: the early exit's, the plan's, the busy service's", async () => {
  stubCloud();
  const [first, last] = [exits[0]!, exits.at(-1)!];
  const plan = (threshold: number) => earlyPlans([{ exit: first, threshold }])[0]!;
  const sure = await ask((await setUp(plan(0))).kit);
  expect(sure).toMatchObject({ source: "edge", exit: first, there: [], prediction: { totalMs: 1 } });
  expect(sure.here).toEqual(allEdge(model, first).head.slice(1));
  const unsure = await ask((await setUp(plan(1))).kit);
  expect(unsure).toMatchObject({ source: "cloud", exit: last, prediction: { totalMs: 20 } });
  // The branch of the exit that was asked in vain ran too.
  expect(unsure.here).toEqual(expect.arrayContaining(allEdge(model, first).head.slice(1)));
  const busy = await ask((await setUp(allCloud(model, last), { mayAnswerEarlier: true })).kit);
  expect(busy).toMatchObject({ source: "cloud", exit: first, here: [], prediction: { totalMs: 11 } });
  expect(busy.there).toEqual(allEdge(model, first).head.slice(1));
});

test("an engine that fails takes the plan's prediction with it", async () => {
  stubCloud();
  const { kit, engine } = await setUp(allEdge(model, exits.at(-1)!));
  vi.spyOn(engine, "run").mockRejectedValue(new EddiError("internal", "device lost"));
  expect(await ask(kit)).toMatchObject({ source: "cloud", here: [], prediction: null });
});

test("the confidence is the calibrated one wherever it stands, and its label is the best", async () => {
  const { kit, engine } = await setUp(null);
  for (const exit of exits) {
    const scores = await wholeScores(engine, exit);
    for (const temperature of [0.5, 1, 3]) {
      const hot = metadata.exits.map((one) => ({ ...one, temperature }));
      const hotKit = { ...kit, model: { ...model, metadata: { ...metadata, exits: hot } } };
      const answer = await answerImage(hotKit, values, { budgetMs: 1000, plan: allEdge(model, exit) }, never);
      expect(answer.confidence).toBeCloseTo(confidence(scores, temperature), 6);
      expect(Math.max(...answer.probabilities)).toBe(answer.confidence);
      expect(answer.probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
      expect(answer.label).toBe(metadata.labels[answer.probabilities.indexOf(answer.confidence)]);
    }
  }
});

test("what a silent device gives is never sent on: the cloud gets the image", async () => {
  const cut = prefixPlans(exits.at(-1)!)[6]!;
  const names: string[][] = [];
  stubCloud(0, (request) => {
    void request.arrayBuffer().then((body) => {
      const jsonBytes = Number(request.headers.get(HEADER_LENGTH));
      names.push(decodeRequest(new Uint8Array(body), jsonBytes).inputs.map(({ name }) => name));
    });
    return null;
  });
  const device = backend() as unknown as { read(id: object): Promise<Float32Array> };
  const read = device.read.bind(device);
  for (const spoilt of [0, Number.NaN]) {
    const { kit, lost, engine } = await setUp(cut);
    const expected = await wholeScores(engine, cut.exit);
    const silent = vi
      .spyOn(device, "read")
      .mockImplementation(async (id) => (await read(id)).slice().fill(spoilt));
    // The stub of the cloud computes on the same device.
    const noticed: Kit["onEngineError"] = (error, failed) => {
      silent.mockRestore();
      kit.onEngineError(error, failed);
    };
    const answer = await ask({ ...kit, onEngineError: noticed });
    expect(lost).toHaveLength(1);
    expect(answer).toMatchObject({ source: "cloud", here: [], cut: [metadata.input.node] });
    expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-6);
    expect(names.pop()).toEqual([metadata.input.node]);
    expect(names).toEqual([]);
  }
});

test("a cloud whose engine gives zeros or NaN is not believed", async () => {
  for (const spoilt of [0, Number.NaN, 0.7]) {
    stubCloud(0, () => {
      const scores = new Float32Array(metadata.labels.length).fill(spoilt);
      const output = { name: exits[0]!, datatype: "FP32" as const, shape: [1, scores.length] };
      const { body, jsonBytes } = encodeResponse(
        {
          modelName: metadata.id,
          modelVersion: model.version,
          parameters: {},
          outputs: [{ ...output, data: new Uint8Array(scores.buffer) }],
        },
        () => true,
      );
      const headers = { [HEADER_LENGTH]: String(jsonBytes) };
      return new Response(body as Uint8Array<ArrayBuffer>, { headers });
    });
    const { kit } = await setUp(allCloud(model, exits[0]!));
    const answer = await ask(kit);
    expect(answer).toMatchObject({ source: "fallback", there: [] });
    expect(answer.reason).toMatch(/expected (finite values|scores that sum to 1)/);
  }
});

test("when the engine is replaced while the cloud is asked, the next one begins with the image", async () => {
  const last = exits.at(-1)!;
  for (const plan of [
    ...prefixPlans(last).slice(3, 9),
    earlyPlans([{ exit: exits[0]!, threshold: 1 }])[0]!,
  ]) {
    const { kit, engine } = await setUp(plan);
    const expected = await wholeScores(engine, last);
    const next = new Engine(model, "wasm", 1);
    for (const shard of model.shards) next.addShard(shard, readFileSync(`${folder}/${shard.path}`));
    let current = engine;
    vi.stubGlobal("fetch", async () => {
      current = next;
      engine.close(new EddiError("unavailable", "device lost"));
      throw new TypeError("Failed to fetch");
    });
    const { numTensors } = memory();
    const answer = await ask({ ...kit, engine: () => current });
    expect(answer).toMatchObject({ source: "fallback", exit: last });
    expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-6);
    // The lost engine's weights are gone with it.
    expect(memory().numTensors).toBeLessThan(numTensors);
  }
});

test("when the engine fails at finishing, the one in its place finishes", async () => {
  vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("Failed to fetch")));
  const last = exits.at(-1)!;
  const { kit, engine } = await setUp(allCloud(model, last));
  const expected = await wholeScores(engine, last);
  const next = new Engine(model, "wasm", 1);
  for (const shard of model.shards) next.addShard(shard, readFileSync(`${folder}/${shard.path}`));
  let current = engine;
  vi.spyOn(engine, "run").mockRejectedValue(new EddiError("internal", "device lost"));
  const onEngineError = (): void => {
    current = next;
  };
  const answer = await ask({ ...kit, engine: () => current, onEngineError });
  expect(answer).toMatchObject({ source: "fallback", exit: last, here: allEdge(model, last).head.slice(1) });
  expect(Math.max(...answer.scores.map((score, i) => Math.abs(score - expected[i]!)))).toBeLessThan(1e-6);
});

test("an image that was given up is not sent, and its engine is not blamed", async () => {
  const cloud = stubCloud();
  const { kit, lost, engine } = await setUp(allEdge(model, exits.at(-1)!));
  const controller = new AbortController();
  const reason = new EddiError("cancelled", "another photo");
  const run = engine.run.bind(engine);
  vi.spyOn(engine, "run").mockImplementation(async (...args) => {
    const result = await run(...args);
    controller.abort(reason);
    return result;
  });
  const cut = {
    ...kit,
    planFor: async () => (await setUp(prefixPlans(exits.at(-1)!)[5]!)).kit.planFor({ budgetMs: 500 }),
  };
  await expect(ask(cut, 500, controller.signal)).rejects.toMatchObject({ code: "cancelled" });
  expect(cloud.requests).toBe(0);
  expect(lost).toEqual([]);
});

test("downloads give way to an image that is sent, until its reply is there or late, and to no other", async () => {
  const [cut, whole] = [allCloud(model, exits.at(-1)!), allEdge(model, exits.at(-1)!)];
  for (const [plan, isHeld, delayMs] of [
    [cut, true, 0],
    [cut, true, 9000],
    [whole, false, 0],
  ] as const) {
    // The finish starts long before the budget ends.
    const { kit } = await setUp(plan, { finishMs: 800 });
    const held: boolean[] = [];
    stubCloud(delayMs);
    const { fetch } = globalThis;
    vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
      held.push(kit.traffic.isHeld);
      return fetch(url, init);
    });
    const run = kit.engine()!.run.bind(kit.engine()!);
    vi.spyOn(kit.engine()!, "run").mockImplementation((...given) => {
      held.push(kit.traffic.isHeld);
      return run(...given);
    });
    await ask(kit, 2000);
    // All-cloud in time: the request. Late: the finish too, while the reply may yet come. All-edge: the head.
    expect(held).toEqual(delayMs > 0 ? [true, true] : [isHeld]);
    expect(kit.traffic.isHeld).toBe(false);
  }
});

test("a request that shared the link with a download says so, and whether bytes arrived meanwhile", async () => {
  const plan = allCloud(model, exits.at(-1)!);
  for (const isShared of [false, true]) {
    const { kit, measured } = await setUp(plan);
    if (isShared) kit.traffic.begin();
    stubCloud();
    await ask(kit);
    expect(measured.at(-1)?.cloud).toMatchObject({ kind: "answered", isShared });
    for (const isHeard of [false, true]) {
      stubCloud(2000);
      const { fetch } = globalThis;
      vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
        if (isHeard) kit.traffic.arrived();
        return fetch(url, init);
      });
      await ask(kit, 100);
      expect(measured.at(-1)?.cloud).toMatchObject({ kind: "lost", isShared, isHeard });
    }
  }
});

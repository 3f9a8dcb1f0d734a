import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { memory, ready, setBackend } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import type { Latency } from "#shared/evaluator";
import {
  allCloud,
  allEdge,
  confidence,
  type EarlyExit,
  edgeNodes,
  exitById,
  type Plan,
  readModel,
  splitPlan,
  tailOf,
} from "#shared/model";
import { decodeRequest, decodeTensor, encodeResponse, HEADER_LENGTH } from "#shared/protocol";
import { SegmentModel } from "#shared/runtime";
import type { Measured, Planning } from "../link/conversation.ts";
import { Traffic } from "../link/traffic.ts";
import { answerImage } from "./answer-image.ts";
import { CloudStream } from "./cloud-stream.ts";
import { CloudWays } from "./cloud-ways.ts";
import { Engine } from "./engine.ts";
import type { Kit } from "./job.ts";
import { Readiness } from "./readiness.ts";

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
  vi.stubGlobal("location", { origin: "http://cloud.test" });
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.unstubAllGlobals();
});

/** An edge with all weights at hand, and the optimizer's plan for it. */
async function setUp(
  plan: Plan | null,
  { ready: isReady = true, finishMs = 5, mayAnswerEarlier = false } = {},
) {
  const engine = new Engine(model, "wasm", 1);
  const measured: Measured[] = [];
  const lost: string[] = [];
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
    prediction: {
      latency: { totalMs: 20, edgeMs: 5 } as Latency,
      imageMs: 0,
      totalMs: 20,
      sdMs: 2,
      feasible: true,
    },
    wanted: plan,
    finish: exits.map((exit) => ({ exit, finishMs })),
    load: null,
    mayAnswerEarlier,
  });
  const kit: Kit = {
    model,
    codec: { codec: "float32", deflate: false },
    cloud: new CloudWays(new CloudStream(), "fetch"),
    traffic: new Traffic(),
    engine: () => (broken ? null : engine),
    onEngineError: ({ message }) => {
      broken = true;
      lost.push(message);
    },
    readiness,
    planFor: async (budgetMs) => planning(budgetMs),
    onMeasured: (one) => measured.push(one),
  };
  return { kit, measured, lost, engine };
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
    const data = new Uint8Array(scores!.values.buffer);
    const { body, jsonBytes } = encodeResponse(
      {
        modelName: metadata.id,
        modelVersion: model.version,
        parameters: {},
        outputs: [{ name: exit, datatype: "FP32", shape: scores!.shape, data }],
      },
      () => true,
    );
    const headers = { [HEADER_LENGTH]: String(jsonBytes), "server-timing": "receive;dur=1, compute;dur=2" };
    return new Response(body as Uint8Array<ArrayBuffer>, { headers });
  });
  return log;
}

const ask = (kit: Kit, budgetMs = 500, signal = never) => answerImage(kit, values, { budgetMs }, signal);

async function wholeScores(engine: Engine, exit: string): Promise<Float32Array> {
  const { head } = splitPlan(model, allEdge(model, exit));
  const feeds = new Map([[metadata.input.node, { shape: [1, ...model.nodes[0]!.tensor.shape], values }]]);
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
  await expect(ask(kit)).rejects.toMatchObject({ code: "unavailable" });
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
    expect(head).toEqual({ plan: allEdge(model, first!), branches: [], runs: 1, ms: answer.stages.headMs });
  }
  expect(cloud.requests).toBe(0);
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
    const hotKit = { ...kit, model: { ...model, metadata: { ...metadata, exits: hot } } };
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

test("downloads give way to an image that is sent, until its reply is there or late, and to no other", async () => {
  const [cut, whole] = [allCloud(model, exits.at(-1)!), allEdge(model, exits.at(-1)!)];
  for (const [plan, isHeld, delayMs] of [
    [cut, true, 0],
    [cut, true, 2000],
    [whole, false, 0],
  ] as const) {
    const { kit } = await setUp(plan);
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
    await ask(kit, 100);
    // All-cloud in time: the request. Late: the finish, with the link free again. All-edge: the head.
    expect(held).toEqual(delayMs > 0 ? [true, false] : [isHeld]);
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

import "@tensorflow/tfjs-backend-cpu";
import { readFileSync } from "node:fs";
import { memory, ready, setBackend } from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import type { Latency } from "#shared/evaluator";
import { allCloud, allEdge, exitById, type Plan, readModel, splitPlan, tailOf } from "#shared/model";
import { decodeRequest, decodeTensor, encodeResponse, HEADER_LENGTH } from "#shared/protocol";
import { SegmentModel } from "#shared/runtime";
import type { Measured, Planning } from "../link/conversation.ts";
import { answerImage } from "./answer-image.ts";
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
async function setUp(plan: Plan | null, { ready: isReady = true, finishMs = 5 } = {}) {
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
  });
  const kit: Kit = {
    model,
    codec: "float32",
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

/** A cloud in this process: runs the tail between what comes and the exit asked for. */
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
    const exit = String(asked.parameters.exit);
    const names = asked.inputs.map(({ name }) => name);
    const tail = tailOf(model, names, exit);
    const feeds = tail.feeds.map((name) => {
      const tensor = asked.inputs.find((input) => input.name === name)!;
      return {
        shape: tensor.shape,
        values: decodeTensor(tensor, metadata.tensors[name]!, asked.parameters),
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
});

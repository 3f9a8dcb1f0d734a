import { readdir, readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type ExitCosts, exitCosts } from "#shared/evaluator";
import type { Conditions } from "#shared/model";
import { buildEnvelope, LivePlanner, type LiveRequest, MinCutPlanner } from "#shared/optimizer";
import { readProfile } from "#shared/profile";
import { type Random, randomFor } from "#shared/random";
import { command } from "../commands/command.ts";
import { flag, whole } from "../commands/option.ts";
import { outOption, seedOption, writeOut } from "../commands/shared-options.ts";
import { MODELS_FOLDER, modelFolder, readModelFolder } from "../files/model-folder.ts";
import { runOrTell } from "../terminal/run-or-tell.ts";
import { comparePeer } from "./compare-peer.ts";
import { DAG_KINDS, type DagKind, generatedExits } from "./generated-exits.ts";
import { growthExponent, type Timing, timingOf } from "./statistics.ts";

const SIZES = [50, 100, 200, 500, 1000, 2000, 5000];
const WARM_UPS = 50;
/** A timing of a live re-plan is this many of them: a clock's step is too long for one. */
const BATCH = 50;

const optimizerBench = command({
  name: "bench:optimizer",
  call: "npm run -s bench:optimizer --",
  about: `Times the Optimizer on generated DAGs and on the models in models/, beside Boost's Boykov-Kolmogorov where there are
g++ and libboost-graph-dev, and prints JSON; milliseconds, but for the
live re-plan: microseconds.`,
  options: {
    models: flag("the shipped models alone"),
    seed: seedOption("of DAGs and conditions"),
    repeats: whole("timings of each", 1, 200),
    out: outOption("writes the JSON there too"),
  },
  run: ({ options: { seed, repeats, models, out } }) => run(seed, repeats, models, out),
});

await runOrTell(() => optimizerBench.run(process.argv.slice(2)));

async function run(
  seed: number,
  repeats: number,
  onlyModels: boolean,
  out: string | undefined,
): Promise<void> {
  const generated = (onlyModels ? [] : DAG_KINDS).map((kind) => {
    const sizes = SIZES.map((nodes) => benchGenerated(kind, nodes, seed, repeats));
    const growth = growthExponent(sizes.map(({ nodes, plan }) => [nodes, plan.median]));
    return { kind, growthExponent: round(growth), sizes };
  });
  const models = [];
  for (const entry of await readdir(MODELS_FOLDER, { withFileTypes: true })) {
    if (entry.isDirectory()) models.push(await benchModel(entry.name, seed, repeats));
  }
  const report = {
    bench: "optimizer",
    seed,
    repeats,
    node: process.version,
    device: os.cpus()[0]?.model ?? os.arch(),
    generated,
    // Alone what was measured beside them in this run compares.
    ...(onlyModels ? {} : { peer: comparePeer(seed, repeats) }),
    models,
  };
  if (!onlyModels) process.stderr.write(curve(generated));
  const json = `${JSON.stringify(report, null, 1)}\n`;
  process.stdout.write(json);
  if (out !== undefined) await writeOut(out, json);
}

/** One exact plan for the last exit, whatever the conditions; and the planner's making, done once. */
function benchGenerated(kind: DagKind, nodes: number, seed: number, repeats: number) {
  const exits = generatedExits(kind, nodes, seed);
  const costs = exits.at(-1)!;
  const random = randomFor(seed, nodes);
  const planner = new MinCutPlanner(costs);
  const plan = timed(
    repeats,
    () => randomConditions(random),
    (conditions) => planner.plan(conditions),
  );
  const build = timed(
    Math.min(repeats, 20),
    () => null,
    () => new MinCutPlanner(costs),
  );
  const heads = timeEnvelopes(exits, Math.min(repeats, 5));
  const arcs = costs.dag.successors.reduce((sum, readers) => sum + readers.length, 0);
  return { nodes: costs.dag.names.length, arcs, plan, build, ...heads };
}

/** One full live re-plan over all exits and policies of a shipped model, in microseconds. */
async function benchModel(id: string, seed: number, repeats: number) {
  const folder = modelFolder(id);
  const model = await readModelFolder(folder);
  const profile = async (name: string) =>
    readProfile(JSON.parse(await readFile(path.join(folder, "profiles", name), "utf8")));
  const [head, tail] = [await profile("head-wasm.json"), await profile("tail-wasm.json")];
  const costs = exitCosts(model, head, tail, { codec: null });
  const policies = model.metadata.policies ?? [];
  const build = timed(
    Math.min(repeats, 20),
    () => null,
    () => new LivePlanner({ costs, policies }),
  );
  const planner = new LivePlanner({ costs, policies });
  const exactPlanners = costs.map((exit) => new MinCutPlanner(exit));
  const random = randomFor(seed, 7);
  const requests = Array.from({ length: 256 }, () => randomRequest(random));
  let next = 0;
  let previous = planner.decide(requests[0]!);
  const replan = (): void => {
    for (let at = 0; at < BATCH; at++) previous = planner.decide(requests[next++ & 255]!, previous);
  };
  const batches = timed(repeats, () => null, replan);
  const perPlan = (ms: number): number => round((1000 * ms) / BATCH);
  const plan = timed(
    repeats,
    () => randomConditions(random),
    (conditions) => {
      for (const exit of exactPlanners) exit.plan(conditions);
    },
  );
  return {
    model: id,
    version: model.version,
    modes: [...new Set(costs.map(({ wire }) => wire!.mode))],
    policies: policies.length,
    options: planner.options.length,
    replanMicroseconds: {
      median: perPlan(batches.median),
      p95: perPlan(batches.p95),
      samples: batches.samples * BATCH,
    },
    heapBytesPerReplan: heapGrowth(replan) / BATCH,
    envelopesBuild: build,
    minCutAllExits: plan,
    envelopes: costs.map((exit) => {
      const envelope = buildEnvelope(exit)!;
      return {
        exit: exit.exit,
        mode: exit.wire!.mode,
        nodes: exit.dag.names.length,
        efficient: envelope.count,
        hull: envelope.hullCount,
      };
    }),
  };
}

/** Envelopes of all exits where their heads can be listed. */
function timeEnvelopes(exits: readonly ExitCosts[], repeats: number) {
  const envelopes = exits.map((exit) => buildEnvelope(exit));
  if (!envelopes.every((envelope) => envelope?.exact)) return { envelopesBuild: null, efficientHeads: null };
  const envelopesBuild = timed(
    repeats,
    () => null,
    () => exits.map((exit) => buildEnvelope(exit)),
  );
  return { envelopesBuild, efficientHeads: envelopes.map((envelope) => envelope!.count) };
}

/** Times single calls after warming up; what they are given is made outside of the timing. */
function timed<T>(repeats: number, prepare: () => T, run: (given: T) => unknown): Timing {
  for (let at = 0; at < Math.min(WARM_UPS, repeats); at++) run(prepare());
  const times = Array.from({ length: repeats }, () => {
    const given = prepare();
    const startMs = performance.now();
    run(given);
    return performance.now() - startMs;
  });
  const { median, p95, samples } = timingOf(times);
  return { median: round(median), p95: round(p95), samples };
}

/** Bytes by which the heap grows in a call, the garbage of before collected; near 0 when nothing is allocated. */
function heapGrowth(run: () => void): number {
  const { gc } = globalThis as { gc?: () => void };
  const calls = 200;
  gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < calls; at++) run();
  return Math.max(0, Math.round((process.memoryUsage().heapUsed - before) / calls));
}

function randomConditions(random: Random): Conditions {
  return {
    rttMs: 5 + 150 * random() ** 2,
    uplinkBps: 10 ** (5 + 3 * random()),
    downlinkBps: 3e7,
    edgeScale: 2 ** (4 * random() - 1),
    cloudScale: 2 ** (4 * random() - 1),
    queueMs: 10 * random(),
    spread: {
      rttMs: 3 * random(),
      uplink: 0.1 * random(),
      rttUplink: -0.3,
      network: 0.1 + 0.1 * random(),
      edge: 0.05 + 0.1 * random(),
      cloud: 0.1 + 0.1 * random(),
      late: 0.05 * random(),
      tail: 1,
    },
  };
}

/** Budgets from hopeless to generous. */
function randomRequest(random: Random): LiveRequest {
  return {
    // Half of the links begin slow start anew.
    conditions: { ...randomConditions(random), restarts: Math.max(0, 2 * random() - 1) },
    objective: { kind: "accuracy", budgetMs: 10 ** (1 + 2 * random()) },
    lead: { ms: 8, sdMs: 2 },
  };
}

/** Median milliseconds of one exact plan by size, for people. */
function curve(
  generated: readonly { kind: string; growthExponent: number; sizes: readonly { plan: Timing }[] }[],
): string {
  const cells = (values: readonly (string | number)[]): string =>
    values.map((v) => `${v}`.padStart(10)).join("");
  const rows = generated.map(({ kind, growthExponent, sizes }) =>
    cells([kind, ...sizes.map(({ plan }) => plan.median.toFixed(4)), `n^${growthExponent.toFixed(2)}`]),
  );
  const title = "One exact plan of the last exit, median milliseconds, by nodes:";
  return `${title}\n${cells(["", ...SIZES, "growth"])}\n${rows.join("\n")}\n`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}

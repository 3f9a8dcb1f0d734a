import type { Measured } from "#shared/learning";
import { allCloud, allEdge, headRunOf, type Plan, type Segment, splitPlan } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import { finishPoints } from "./finish-here.ts";
import { isSure } from "./is-sure.ts";
import { detourOf, elapsed, feedsOf, hold, imageOf, type Job, useEngine } from "./job.ts";

/** Scores when the exit lies in the head or an early exit was sure, else what is for the cloud. */
export type HeadResult =
  | { readonly kind: "scores"; readonly exit: string; readonly scores: Float32Array }
  | { readonly kind: "cut"; readonly cut: ReadonlyMap<string, TensorValues> };

/**
 * Runs the head: from one early exit to the next until one is sure enough, then the rest. What the next stage
 * and finishing on the edge would need stays on the device. When the engine fails the plan becomes all-cloud.
 */
export async function runHead(job: Job): Promise<HeadResult> {
  const { kit, plan } = job;
  const { asks, rest } = headRunOf(kit.model, plan);
  const { cut, tail } = splitPlan(kit.model, plan);
  const image = imageOf(job);
  const ran: Ran = { segments: [], sinceMs: elapsed(job), waitedMs: job.stages.waitMs };
  for (const ask of asks) {
    job.signal.throwIfAborted();
    const run = await runStage(job, ran, ask.segment, [ask.node]);
    if (run === null) return allToCloud(job);
    if (!isSure(job, ask, run[0]!.values)) continue;
    job.ran = measured(job, allEdge(kit.model, ask.exit), ran);
    return { kind: "scores", exit: ask.exit, scores: run[0]!.values };
  }
  if (tail !== null && rest.nodes.length === 0 && cut.every((name) => image.has(name))) {
    return { kind: "cut", cut: image };
  }
  const kept = tail === null ? [] : finishPoints(job, plan).flatMap(({ feeds }) => feeds);
  const isKnown = (name: string): boolean => image.has(name) || job.held.has(name);
  const detours = new Map(
    cut.flatMap((name) => {
      const detour = detourOf(job, name);
      return detour === undefined ? [] : [[name, detour] as const];
    }),
  );
  job.encoded = new Set(detours.keys());
  const sent = (name: string): string => detours.get(name)?.encoder.outputs[0] ?? name;
  const read = rest.outputs.filter((name) => !image.has(name)).map(sent);
  const outputs = [...new Set([...read, ...kept.filter((name) => !isKnown(name))])];
  const nodes = [...rest.nodes, ...[...detours.values()].flatMap(({ encoder }) => encoder.nodes)];
  const values = await runStage(job, ran, { ...rest, nodes, outputs }, read);
  if (values === null) return allToCloud(job);
  job.ran = measured(job, { exit: plan.exit, head: plan.head }, ran);
  if (tail === null) return { kind: "scores", exit: plan.exit, scores: values[0]!.values };
  const known = new Map([...image, ...read.map((name, at) => [name, values[at]!] as const)]);
  return { kind: "cut", cut: new Map(cut.map((name) => [name, known.get(sent(name))!])) };
}

/** What of a head has run so far. */
interface Ran {
  readonly segments: Segment[];
  /** When they began, and how long the image had waited for the engine by then. */
  readonly sinceMs: number;
  readonly waitedMs: number;
}

/** @returns what was to be read, null when the engine fails */
async function runStage(
  job: Job,
  ran: Ran,
  segment: Segment,
  read: readonly string[],
): Promise<readonly TensorValues[] | null> {
  // What was held by an engine that was lost meanwhile cannot be fed to the next one.
  if (job.ranOn !== null && job.ranOn !== job.kit.engine()) return null;
  const run = await useEngine(job, (engine) => engine.run(segment, feedsOf(job), read, job.signal));
  if (run === null) return null;
  hold(job, run.held);
  ran.segments.push(segment);
  for (const name of segment.nodes) if (isOfDag(job, name)) job.here.add(name);
  job.stages.headMs += run.ms;
  return run.values;
}

/** Not of a learned codec's encoder, which is part of how a tensor is sent. */
function isOfDag({ kit }: Job, name: string): boolean {
  return kit.model.dag.names.includes(name);
}

function allToCloud(job: Job): HeadResult {
  job.plan = allCloud(job.kit.model, job.plan.exit);
  return { kind: "cut", cut: imageOf(job) };
}

/** @param plan what of the segments is the way to an exit or to the cut */
function measured(job: Job, plan: Plan, { segments, sinceMs, waitedMs }: Ran): Measured["head"] {
  const computing = segments.filter(({ nodes }) => nodes.length > 0);
  if (computing.length === 0) return null;
  const onTheWay = new Set(plan.head);
  const branches = computing.flatMap(({ nodes }) =>
    nodes.filter((name) => !onTheWay.has(name) && isOfDag(job, name)),
  );
  // What the page does between them delays the answer as they do; waits for the engine are no work.
  const ms = elapsed(job) - sinceMs - (job.stages.waitMs - waitedMs);
  return { plan, branches, runs: computing.length, ms };
}

import { allEdge, edgeNodes, exitById, type Plan, type Split, splitPlan } from "#shared/model";
import { type Finish, localExit } from "#shared/planning";
import { release } from "../engine/engine.ts";
import { elapsed, feedsOf, type Job, useEngine } from "./job.ts";

/** An exit that the edge could finish at now. */
export interface FinishPoint extends Finish {
  /** The way from this image's head to the exit; to one that was asked there is none to go. */
  readonly from: Split;
}

/**
 * Where the edge could finish, had it to: the exits whose nodes are ready, earliest first. Of those that were
 * asked before the last one is there at once, even without an engine.
 */
export function finishPoints(job: Job, plan: Plan): readonly FinishPoint[] {
  const { kit, planning, asked, ranOn } = job;
  const { model, readiness } = kit;
  const engine = kit.engine();
  // An engine that has replaced another begins with the image.
  const isSame = ranOn === null || ranOn === engine;
  const done = new Set(isSame ? edgeNodes(model, plan) : model.dag.names.slice(0, 1));
  return model.metadata.exits.flatMap(({ id }) => {
    const whole = allEdge(model, id).head;
    if (asked.some(({ exit }) => exit === id)) {
      const isLast = asked.at(-1)!.exit === id;
      return isLast
        ? [{ exit: id, finishMs: 0, latestMs: 0, from: splitPlan(model, { exit: id, head: whole }) }]
        : [];
    }
    if (engine === null || !readiness.isReady(whole)) return [];
    const from = splitPlan(model, { exit: id, head: whole.filter((name) => done.has(name)) });
    const known = planning?.finish.find(({ exit }) => exit === id) ?? NOT_KNOWN;
    return [{ ...known, exit: id, from }];
  });
}

const NOT_KNOWN = { finishMs: Number.POSITIVE_INFINITY, latestMs: Number.POSITIVE_INFINITY };

/** The timer of the deadline is late by so much: no reason to take a worse exit than was meant. */
const GRACE_MS = 10;

/**
 * Finishes at the best exit that the time left allows, from the tensors that the head left.
 *
 * @returns null when no exit is ready or the engine fails
 */
export async function finishHere(
  job: Job,
): Promise<{ readonly exit: string; readonly scores: Float32Array } | null> {
  const { kit, options, plan } = job;
  const start = performance.now();
  const points = finishPoints(job, plan);
  const chosen = localExit(points, options.budgetMs - elapsed(job) + GRACE_MS);
  const point = points.find(({ exit }) => exit === chosen?.exit);
  if (point === undefined) return null;
  const known = job.asked.find(({ exit }) => exit === point.exit);
  if (known !== undefined) return { exit: known.exit, scores: known.scores };
  const { node } = exitById(kit.model.metadata, point.exit);
  const rest = point.from.tail ?? { nodes: [], feeds: [node], outputs: [node] };
  const run = await useEngine(job, (engine) => engine.run(rest, feedsOf(job), [node], job.signal));
  if (run === null) return null;
  release(run.held);
  for (const name of rest.nodes) job.here.add(name);
  job.stages.finishMs = performance.now() - start;
  // A head that ran before says more of the edge than what was left.
  job.ran ??= { plan: allEdge(kit.model, point.exit), branches: [], runs: 1, ms: run.ms };
  return { exit: point.exit, scores: run.values[0]!.values };
}

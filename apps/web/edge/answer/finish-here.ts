import { allEdge, edgeNodes, exitById, type Plan, type Split, splitPlan } from "#shared/model";
import type { Finish } from "#shared/planning";
import { release } from "../engine/engine.ts";
import { feedsOf, type Job, useEngine } from "./job.ts";

/** An exit that the edge could finish at now. */
export interface FinishPoint extends Finish {
  /** The way from this image's head to the exit; to one that was asked there is none to go. */
  readonly from: Split;
}

/** What the edge made of an image in the cloud's stead. */
export interface LocalAnswer {
  readonly exit: string;
  readonly scores: Float32Array;
  /** What ran for it. */
  readonly nodes: readonly string[];
  readonly ms: number;
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
      return isLast ? [{ ...AT_ONCE, exit: id, from: splitPlan(model, { exit: id, head: whole }) }] : [];
    }
    if (engine === null || !readiness.isReady(whole)) return [];
    const from = splitPlan(model, { exit: id, head: whole.filter((name) => done.has(name)) });
    const known = planning?.finish.find(({ exit }) => exit === id) ?? NOT_KNOWN;
    return [{ ...known, exit: id, from }];
  });
}

const AT_ONCE = { finishMs: 0, latestMs: 0 };
const NOT_KNOWN = { finishMs: Number.POSITIVE_INFINITY, latestMs: Number.POSITIVE_INFINITY };

/**
 * Finishes at an exit, from the tensors that the head left.
 *
 * @param signal of who waits for it
 * @returns null when the engine fails
 * @throws the signal's reason
 */
export async function finishAt(
  job: Job,
  { exit, from }: FinishPoint,
  signal: AbortSignal,
): Promise<LocalAnswer | null> {
  const known = job.asked.find((asked) => asked.exit === exit);
  if (known !== undefined) return { exit, scores: known.scores, nodes: [], ms: 0 };
  const { node } = exitById(job.kit.model.metadata, exit);
  const rest = from.tail ?? { nodes: [], feeds: [node], outputs: [node] };
  const run = await useEngine(job, (engine) => engine.run(rest, feedsOf(job), [node], signal), signal);
  if (run === null) return null;
  release(run.held);
  // A head that ran before says more of the edge than what was left.
  job.ran ??= { plan: allEdge(job.kit.model, exit), branches: [], runs: 1, ms: run.ms };
  return { exit, scores: run.values[0]!.values, nodes: rest.nodes, ms: run.ms };
}

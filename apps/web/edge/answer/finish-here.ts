import { allEdge, edgeNodes, type Plan, type WayOn, waysOn } from "#shared/model";
import { type Finish, finishParts, type SoonestStage } from "#shared/planning";
import type { Engine } from "../engine/engine.ts";
import { isSure } from "./is-sure.ts";
import { feedsOf, hold, type Job, useEngine } from "./job.ts";

/** An exit that the edge could finish at now. */
export interface FinishPoint extends Finish {
  /** From what has run to this exit, by way of others of which one that is sure enough answers; none to one that was asked. */
  readonly stages: readonly (Omit<SoonestStage, "partsMs"> & WayOn)[];
  /** What these read of what has run. */
  readonly feeds: readonly string[];
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
      return isLast ? [{ ...AT_ONCE, exit: id, stages: [], feeds: [] }] : [];
    }
    if (engine === null || !readiness.isReady(whole)) return [];
    const known = planning?.finish.find(({ exit }) => exit === id) ?? NOT_KNOWN;
    const soonest = planning?.soonest ?? null;
    const stages =
      soonest?.exit === id ? soonest.stages : [{ exit: id, threshold: 0, ms: known.finishMs, share: 1 }];
    const ahead = stages.filter(
      ({ exit }) => asked.every((one) => one.exit !== exit) && readiness.isReady(allEdge(model, exit).head),
    );
    const ways = waysOn(
      model,
      done,
      ahead.map(({ exit }) => exit),
    );
    const feeds = ways.flatMap(({ segment }) => segment.feeds).filter((name) => done.has(name));
    return [{ ...known, exit: id, stages: ways.map((way, at) => ({ ...ahead[at]!, ...way })), feeds }];
  });
}

const AT_ONCE = { finishMs: 0, latestMs: 0 };
const NOT_KNOWN = { finishMs: Number.POSITIVE_INFINITY, latestMs: Number.POSITIVE_INFINITY };

/**
 * Finishes at an exit, from the tensors that the head left. WASM computes in this very thread: it does so in parts, and a
 * reply that comes meanwhile ends it.
 *
 * @param signal of who waits for it
 * @returns null when the engine fails
 * @throws the signal's reason
 */
export async function finishAt(
  job: Job,
  { exit, stages }: FinishPoint,
  signal: AbortSignal,
): Promise<LocalAnswer | null> {
  const known = job.asked.find((asked) => asked.exit === exit);
  if (known !== undefined) return { exit, scores: known.scores, nodes: [], ms: 0 };
  const nodes: string[] = [];
  let ms = 0;
  for (const [at, stage] of stages.entries()) {
    const { node, segment } = stage;
    const parts = (engine: Engine): number => (engine.backend === "wasm" ? finishParts(stage.ms) : 1);
    const run = await useEngine(
      job,
      (engine) => engine.run(segment, feedsOf(job), [node], signal, parts(engine)),
      signal,
    );
    if (run === null) return null;
    hold(job, run.held);
    nodes.push(...segment.nodes);
    ms += run.ms;
    const scores = run.values[0]!.values;
    const isLast = at === stages.length - 1;
    if (!isLast && !isSure(job, stage, scores)) continue;
    // A head that ran before says more of the edge than what was left.
    job.ran ??= finishedAlone(job, stage.exit, nodes, at + 1, ms);
    return { exit: stage.exit, scores, nodes, ms };
  }
  return null;
}

function finishedAlone(job: Job, exit: string, ran: readonly string[], runs: number, ms: number): Job["ran"] {
  const plan = allEdge(job.kit.model, exit);
  const onTheWay = new Set(plan.head);
  return { plan, branches: ran.filter((name) => !onTheWay.has(name)), runs, ms };
}

import type { ExitCosts } from "#shared/evaluator";
import type { Conditions, EarlyExit, ExitPolicy } from "#shared/model";
import type { Objective } from "#shared/optimizer";

/** What a policy may know when it plans for an image. */
export interface Known {
  /** Of every exit, earliest first; of one wire mode after the other. */
  readonly costs: readonly ExitCosts[];
  /** Ways to let sure exits answer early. */
  readonly policies: readonly ExitPolicy[];
  /** As the client has measured them. */
  readonly conditions: Conditions;
  readonly objective: Objective;
  /** Decoding the image: spent before the plan's latency begins. */
  readonly lead: { readonly ms: number; readonly sdMs: number };
  /** Frames arrive this often and their stages overlap; null: one image at a time. */
  readonly framesPerSecond: number | null;
}

/** A plan in the making: an exit of some wire mode, and its head as membership by node. */
export interface Found {
  readonly costs: ExitCosts;
  readonly head: readonly boolean[];
  readonly early?: readonly EarlyExit[];
  /** Top-1 of exit and early exits together, where these answer; else the exit's. */
  readonly accuracy?: number;
}

/** Plans for the next image; may remember what it did before. */
export type Decide = (known: Known) => Found;

/** The costs of one wire mode, earliest exit first; of the first mode where there is none such. */
export function inMode(
  costs: readonly ExitCosts[],
  mode: NonNullable<ExitCosts["wire"]>["mode"],
): readonly ExitCosts[] {
  const own = costs.filter(({ wire }) => wire?.mode === mode);
  if (own.length > 0) return own;
  return costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
}

/** The full model, its tensors coded as they are measured to be best and not deflated. */
export function lastExit({ costs }: Pick<Known, "costs">): ExitCosts {
  return inMode(costs, "plain").reduce((last, exit) => (exit.position > last.position ? exit : last));
}

export function allEdgeHead({ dag }: ExitCosts): readonly boolean[] {
  return dag.names.map(() => true);
}

export function allCloudHead({ dag }: ExitCosts): readonly boolean[] {
  return dag.names.map((_, node) => node === 0);
}

/** The first of those for which the number is least. */
export function leastBy<T>(list: readonly T[], value: (one: T) => number): T {
  let best: T = list[0] as T;
  let least = value(best);
  for (const one of list.slice(1)) {
    const here = value(one);
    if (here >= least) continue;
    best = one;
    least = here;
  }
  return best;
}

import { type ExitCosts, latencyOf } from "#shared/evaluator";
import type { Conditions, ExitPolicy } from "#shared/model";
import { chainHeads } from "./chain.ts";
import type { Found } from "./policy.ts";

/** A policy of early exits with one of the chain's splits behind them, and its mean latency over all photos. */
export interface EarlySplit extends Found {
  readonly accuracy: number;
  readonly expectedMs: number;
}

/**
 * The chain's splits of a policy: those whose head holds all that its early exits need.
 *
 * @param exits of one wire mode
 * @returns none where an exit is unknown
 */
export function earlySplits(
  exits: readonly ExitCosts[],
  policy: ExitPolicy,
  conditions: Conditions,
): readonly EarlySplit[] {
  const final = exits.find(({ exit }) => exit === policy.exit);
  const asked = policy.early.map(({ exit }) => exits.find((one) => one.exit === exit));
  if (final === undefined || !asked.every((one): one is ExitCosts => one !== undefined)) return [];
  const own = new Map(final.dag.names.map((name, node) => [name, node]));
  const done = new Set<string>();
  let [askedMs, extraMs, deepest, answeredMs, before] = [0, 0, 0, 0, 1];
  for (const [at, exit] of asked.entries()) {
    askedMs += exit.edgeFixedMs;
    extraMs += exit.edgeFixedMs;
    for (const [node, name] of exit.dag.names.entries()) {
      if (done.has(name)) continue;
      done.add(name);
      askedMs += exit.edgeMs[node]!;
      const place = own.get(name);
      if (place === undefined) extraMs += exit.edgeMs[node]!;
      else deepest = Math.max(deepest, place);
    }
    const reach = policy.reach[at]!;
    answeredMs += (before - reach) * askedMs;
    before = reach;
  }
  const heads = chainHeads(final).filter((head) => head[deepest]);
  return heads.map((head) => {
    const ms = latencyOf(final, head, conditions).totalMs + conditions.edgeScale * extraMs;
    const expectedMs = before * ms + conditions.edgeScale * answeredMs;
    return { costs: final, head, early: policy.early, accuracy: policy.accuracy, expectedMs };
  });
}

/** Plain exits are policies that ask nobody. */
export function allPolicies(
  exits: readonly ExitCosts[],
  policies: readonly ExitPolicy[],
): readonly ExitPolicy[] {
  const plain = exits.map(({ exit, accuracy }) => ({ exit, early: [], reach: [], accuracy: accuracy ?? 0 }));
  return [...plain, ...policies];
}

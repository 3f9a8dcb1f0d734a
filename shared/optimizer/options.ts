import { type ExitCosts, promisedAccuracy, servesEarlyExits } from "#shared/evaluator";
import type { EarlyExit, ExitPolicy } from "#shared/model";
import type { Constraints } from "./constraints.ts";
import { INSURANCE } from "./decision.ts";
import { buildEnvelope } from "./envelope.ts";
import { type InsuredEnvelope, insureEnvelope } from "./insured-envelope.ts";
import { rankExits } from "./optimize.ts";
import { accuracies, restWorth, worthOf } from "./worth.ts";

/**
 * A way to answer, but for its head: an exit, perhaps earlier ones that are asked on the way, and how tensors
 * travel.
 */
export interface Option {
  readonly costs: ExitCosts;
  /** Asked before, earliest first; each answers when it is sure. */
  readonly early: readonly EarlyExit[];
  /** Higher is better; the same however tensors travel, where what that may cost is tolerated. */
  readonly rank: number;
  /** Where no tensor travels; null when not measured. */
  readonly accuracy: number | null;
  /** Whichever tensor travels: the least there is, but for all-edge. */
  readonly promised: number | null;
  /** By early exit: share of the images that it answers. */
  readonly answers: Float64Array;
  /** By early exit: time at the edge until it has answered, fixed costs included; at edge scale 1. */
  readonly answerMs: Float64Array;
  /** Mean over all images of the time at the edge of those that an early exit answers. */
  readonly answeredMs: number;
  /** Share of the images that no early exit answers. */
  readonly rest: number;
  /** What the early exits add to the head's time at the edge for these: their branches, and a call for each. */
  readonly extraMs: number;
  /** By early exit: top-1 of the images that it answers. */
  readonly answered: Float64Array;
  /** Top-1, by the final exit, of the images that no early exit answers. */
  readonly right: number;
  /** The heads to choose from: with early exits those that hold all that they need. */
  readonly envelope: InsuredEnvelope;
  /** Exits that the edge may answer with when the reply is late, most accurate first. */
  readonly insurers: readonly Insurer[];
}

export interface Insurer {
  readonly exit: string;
  /** Index among all exits that may stand in. */
  readonly at: number;
  /** Top-1 of the images that no early exit answers. */
  readonly right: number;
  /** By head of the envelope: what is left to do, in ms at edge scale 1; 0 for an exit that was asked. */
  readonly finishMs: Float64Array;
}

/**
 * All options that the constraints leave, best rank first.
 *
 * Early exits at given thresholds change nothing in which head is best: once they have passed an image on, what
 * the head still costs is what it costs without them. So their heads are those of the final exit with the nodes
 * that the early exits need pinned, and options that pin the same share an envelope.
 */
export function listOptions(
  costs: readonly ExitCosts[],
  policies: readonly ExitPolicy[],
  constraints: Constraints,
): readonly Option[] {
  const ranks = rankExits(costs);
  const values = accuracies(costs);
  const isMeasured = costs.every(({ accuracy }) => accuracy !== null);
  const modes = [...new Set(costs.map(({ wire }) => wire?.mode))];
  // What runs on the edge takes as long in every mode.
  const exits = costs.filter(({ wire }) => wire?.mode === modes[0]);
  const options = modes.flatMap((mode) => {
    const own = costs.filter(({ wire }) => wire?.mode === mode);
    const plain = own.map(
      ({ exit, accuracy }): ExitPolicy => ({ exit, early: [], reach: [], accuracy: accuracy ?? 0 }),
    );
    const isForPolicies = isMeasured && servesEarlyExits(own[0]!.wire);
    return optionsOf(own, exits, [...plain, ...(isForPolicies ? policies : [])], constraints, ranks, values);
  });
  return options.sort((a, b) => b.rank - a.rank);
}

/**
 * @param costs of one wire mode
 * @param exits all of them, in whichever mode: on the edge
 */
function optionsOf(
  costs: readonly ExitCosts[],
  exits: readonly ExitCosts[],
  policies: readonly ExitPolicy[],
  constraints: Constraints,
  ranks: ReadonlyMap<string, number>,
  values: ReadonlyMap<string, number>,
): readonly Option[] {
  const { readyNodes, offline = false } = constraints;
  const isReady = (names: readonly string[]): boolean =>
    readyNodes === undefined || names.every((name) => readyNodes.has(name));
  const isAllowed = (exit: string): boolean => constraints.exits?.includes(exit) ?? true;
  const byExit = new Map(costs.map((exit) => [exit.exit, exit]));
  const onEdge = new Map(exits.map((exit) => [exit.exit, exit]));
  const standIns = offline
    ? []
    : exits.filter(({ exit, dag }) => isAllowed(exit) && isReady(dag.names.slice(1)));
  const envelopes = new Map<string, InsuredEnvelope | null>();
  return policies.flatMap((policy): Option[] => {
    const { early, reach } = policy;
    const final = byExit.get(policy.exit);
    const asked = early.map(({ exit }) => onEdge.get(exit));
    if (final === undefined || !isAllowed(policy.exit) || !isReady(final.beside ?? [])) return [];
    if (!asked.every((exit): exit is ExitCosts => exit !== undefined && isAllowed(exit.exit))) return [];
    const { pinned, answerMs, extraMs, needed } = askedCosts(final, asked);
    if (!isReady(needed)) return [];
    const key = JSON.stringify([policy.exit, ...asked.map(({ exit }) => exit)]);
    let envelope = envelopes.get(key);
    if (envelope === undefined) {
      const query = { constraints, pinned };
      const plain = buildEnvelope(final, query);
      envelope = plain && insureEnvelope(plain, final, query, new Set(needed), standIns);
      envelopes.set(key, envelope);
    }
    if (envelope === null || envelope.count === 0) return [];
    const isPlain = early.length === 0;
    const answers = Float64Array.from(reach, (share, at) => (at === 0 ? 1 : reach[at - 1]!) - share);
    const rest = reach.at(-1) ?? 1;
    const accuracy = isPlain ? final.accuracy : policy.accuracy;
    const counted = final.wire?.counted ?? 0;
    const all = worthOf(policy, isPlain ? values.get(policy.exit)! : policy.accuracy);
    // Hard images may bear all of the loss.
    const worth = { ...all, right: Math.max(0, all.right - (rest > 0 ? counted / rest : 0)) };
    return [
      {
        costs: final,
        early,
        rank: (isPlain ? ranks.get(policy.exit)! : policy.accuracy) - counted,
        accuracy,
        promised: promisedAccuracy({ ...final, accuracy }, counted > 0 ? 1 : rest),
        answers,
        answerMs,
        answeredMs: answers.reduce((sum, share, at) => sum + share * answerMs[at]!, 0),
        rest,
        extraMs,
        ...worth,
        envelope,
        insurers: insurersOf(policy, worth.right, standIns, envelope, values),
      },
    ];
  });
}

/**
 * Exits that may stand in for the final one. Of those that were asked on the way the last one is there at once; one
 * that would be better than what it insures is none, since then its all-edge plan is better.
 *
 * @param right top-1 of what is insured
 */
function insurersOf(
  policy: ExitPolicy,
  right: number,
  standIns: readonly ExitCosts[],
  envelope: InsuredEnvelope,
  values: ReadonlyMap<string, number>,
): readonly Insurer[] {
  const last = policy.early.at(-1)?.exit;
  const isEarlier = (exit: string): boolean => exit !== last && policy.early.some((one) => one.exit === exit);
  const known = standIns.flatMap(({ exit }, at): Insurer[] => {
    if (isEarlier(exit)) return [];
    const finishMs = exit === last ? new Float64Array(envelope.insuredCount) : envelope.finishMs[at]!;
    return [{ exit, at, right: restWorth(policy, exit, values.get(exit)!), finishMs }];
  });
  return known
    .filter((insurer) => insurer.right > 0 && INSURANCE * insurer.right < right)
    .sort((a, b) => b.right - a.right);
}

/** What asking exits on the way to another one costs at the edge. */
function askedCosts(
  final: ExitCosts,
  asked: readonly ExitCosts[],
): Pick<Option, "answerMs" | "extraMs"> & {
  /** Nodes of the final exit that the asked ones need too. */
  readonly pinned: ReadonlySet<string>;
  /** All nodes that the asked ones need, but the image. */
  readonly needed: readonly string[];
} {
  const own = new Set(final.dag.names);
  const done = new Set<string>();
  const answerMs = new Float64Array(asked.length);
  let edgeMs = 0;
  let extraMs = 0;
  for (const [at, exit] of asked.entries()) {
    edgeMs += exit.edgeFixedMs;
    extraMs += exit.edgeFixedMs;
    exit.dag.names.forEach((name, node) => {
      if (done.has(name)) return;
      done.add(name);
      edgeMs += exit.edgeMs[node]!;
      if (!own.has(name)) extraMs += exit.edgeMs[node]!;
    });
    answerMs[at] = edgeMs;
  }
  const needed = [...done].filter((name) => name !== final.dag.names[0]);
  return { answerMs, extraMs, needed, pinned: new Set(needed.filter((name) => own.has(name))) };
}

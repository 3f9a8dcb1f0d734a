import { ancestors } from "#shared/graph";
import type { ExitPolicy, Model } from "#shared/model";
import { nodeWork, workUnits } from "#shared/profile";
import type { Verdicts } from "./temperature.ts";

/** A policy and what is expected of it on some photos. */
export interface TriedPolicy {
  readonly policy: ExitPolicy;
  readonly cost: PolicyCost;
  /** By photo, whether the answer is right. */
  readonly right: readonly boolean[];
}

/**
 * What a policy costs wherever it is cut. As far as times go with work, its mean latency is scale * asked +
 * past * the best way on. For policies of the same exits that way is the same, so one that takes no more of
 * either is no slower; `total` stands for it when they differ.
 */
export interface PolicyCost {
  /** Expected work up to the last early exit, which the edge does; 1 is the last exit's. */
  readonly asked: number;
  /** Expected work of all. */
  readonly total: number;
  /** Share of images that no early exit answers: the cloud may have to. */
  readonly past: number;
}

/** Thresholds of an exit: so many steps of equal shares of the photos. Few, so that none fits single photos. */
const LEVELS = 12;
/** More early exits than that are not tried together. */
const MOST_EARLY = 3;
/** Policies of a model. */
const MOST_POLICIES = 60;

/**
 * The policies worth choosing from: every set of earlier exits before every exit, with thresholds on a coarse
 * grid, without those that another one dominates. One that asks fewer exits (or ends sooner) dominates a more
 * complicated one also where it is less accurate by no more than the standard error of the difference: what
 * lies within the noise of the photos is not worth its complication. Then as many as a model may have, spread
 * over cost and accuracy.
 *
 * @param verdicts of every exit on the photos to choose on
 */
export function findPolicies(model: Model, verdicts: readonly Verdicts[]): readonly TriedPolicy[] {
  const { exits } = model.metadata;
  const grids = verdicts.map(({ confidence }) => thresholdGrid(confidence));
  const groups = exits
    .flatMap((_, exit) => subsets(exit, MOST_EARLY).map((early) => ({ exit, early })))
    .sort((a, b) => a.early.length - b.early.length || a.exit - b.exit);
  const kept: TriedPolicy[] = [];
  const plain = plainExits(model, verdicts);
  for (const { exit, early } of groups) {
    const candidates = product(early.map((at) => grids[at]!)).map((thresholds) => {
      const asked = early.map((at, k) => ({ exit: exits[at]!.id, threshold: thresholds[k]! }));
      return tryPolicy(model, verdicts, exits[exit]!.id, asked);
    });
    const simpler = [...plain, ...kept];
    kept.push(
      ...withoutDominated(candidates).filter(
        (one) => !simpler.some((other) => isNoDearer(other, one) && !isBeyondNoise(one, other)),
      ),
    );
  }
  return spread(withoutDominated(kept), MOST_POLICIES);
}

/**
 * The same policies on other photos, beside what they reached where they were found. All of them: to leave out those
 * that do worse there would be to choose again.
 *
 * @param verdicts of every exit on photos that no choice has seen
 */
export function measurePolicies(
  model: Model,
  verdicts: readonly Verdicts[],
  policies: readonly TriedPolicy[],
): readonly TriedPolicy[] {
  return policies.map(({ policy: { exit, early, accuracy: chosen } }) => {
    const { policy, ...tried } = tryPolicy(model, verdicts, exit, early);
    return { ...tried, policy: { ...policy, chosen } };
  });
}

/** What a policy does on some photos: each is answered by the first early exit that is sure, else by the last. */
export function tryPolicy(
  model: Model,
  verdicts: readonly Verdicts[],
  exit: string,
  early: ExitPolicy["early"],
): TriedPolicy {
  const at = (id: string): number => model.metadata.exits.findIndex((one) => one.id === id);
  const final = verdicts[at(exit)]!;
  const asked = early.map((one) => ({ threshold: one.threshold, ...verdicts[at(one.exit)]! }));
  const photos = final.right.length;
  /** By photo: which early exit answers; none is the last one. */
  const by = final.right.map((_, photo) =>
    asked.findIndex(({ confidence, threshold }) => confidence[photo]! >= threshold),
  );
  const right = by.map((k, photo) => (asked[k] ?? final).right[photo]!);
  const reach = asked.map((_, k) => by.filter((answers) => answers < 0 || answers > k).length / photos);
  const accuracy = shareOf(right, () => true);
  const answered = asked.map((_, k) => rounded(shareOf(right, (photo) => by[photo] === k)));
  const rest = model.metadata.exits.map(({ id }) => [
    id,
    rounded(shareOf(verdicts[at(id)]!.right, (photo) => by[photo] === -1)),
  ]);
  const path = [...early.map((one) => at(one.exit)), at(exit)];
  const policy = { exit, early, reach, accuracy, answered, rest: Object.fromEntries(rest) };
  return { policy, cost: costOf(model, path, reach), right };
}

/** Of some photos, how many are right; 0 of none. */
function shareOf(right: readonly boolean[], isMeant: (photo: number) => boolean): number {
  const meant = right.filter((_, photo) => isMeant(photo));
  return meant.length === 0 ? 0 : meant.filter(Boolean).length / meant.length;
}

/** What photos tell no finer. */
function rounded(share: number): number {
  return Number(share.toFixed(4));
}

/** Without early exits, run on the edge and elsewhere: what policies have to beat. */
function plainExits(model: Model, verdicts: readonly Verdicts[]): readonly TriedPolicy[] {
  return model.metadata.exits.flatMap(({ id }) => {
    const plain = tryPolicy(model, verdicts, id, []);
    const { total } = plain.cost;
    return [plain, { ...plain, cost: { asked: total, total, past: 0 } }];
  });
}

/** @param path positions of the early exits and of the last */
function costOf(model: Model, path: readonly number[], reach: readonly number[]): PolicyCost {
  const work = workUpTo(model);
  const shares = [1, ...reach];
  const steps = path.map((_, k) => shares[k]! * (work(path.slice(0, k + 1)) - work(path.slice(0, k))));
  const asked = steps.slice(0, -1).reduce((sum, step) => sum + step, 0);
  return { asked, total: asked + steps.at(-1)!, past: shares.at(-1)! };
}

const WORK = new WeakMap<Model, (exits: readonly number[]) => number>();

/** Work of all nodes that some of these exits need; 1 for the last exit. */
function workUpTo(model: Model): (exits: readonly number[]) => number {
  const known = WORK.get(model);
  if (known !== undefined) return known;
  const { dag, metadata } = model;
  const units = nodeWork(model).map(workUnits);
  const members = metadata.exits.map(({ node }) => ancestors(dag, dag.names.indexOf(node)));
  const sum = (exits: readonly number[]): number =>
    units.reduce((total, unit, node) => total + (exits.some((exit) => members[exit]![node]) ? unit : 0), 0);
  const whole = sum([metadata.exits.length - 1]);
  const sums = new Map<string, number>();
  const work = (exits: readonly number[]): number => {
    const key = exits.join();
    if (!sums.has(key)) sums.set(key, sum(exits) / whole);
    return sums.get(key)!;
  };
  WORK.set(model, work);
  return work;
}

function thresholdGrid(confidence: Float64Array): readonly number[] {
  const sorted = confidence.toSorted();
  const levels = Array.from({ length: LEVELS }, (_, level) => {
    const value = sorted[Math.floor((sorted.length * (level + 1)) / (LEVELS + 1))]!;
    return Math.floor(value * 1e4) / 1e4;
  });
  return [...new Set(levels)];
}

function isNoDearer(a: TriedPolicy, b: TriedPolicy): boolean {
  return a.cost.asked <= b.cost.asked && a.cost.total <= b.cost.total && a.cost.past <= b.cost.past;
}

/** Whether the gain of one over the other is more than the standard error of their paired difference. */
function isBeyondNoise(one: TriedPolicy, other: TriedPolicy): boolean {
  const photos = one.right.length;
  let differ = 0;
  one.right.forEach((right, photo) => {
    if (right !== other.right[photo]) differ += 1;
  });
  const gain = one.policy.accuracy - other.policy.accuracy;
  return gain > Math.sqrt((differ / photos - gain ** 2) / photos);
}

/** Of those that are alike in everything the first stays. */
function withoutDominated(tried: readonly TriedPolicy[]): readonly TriedPolicy[] {
  const isNoWorse = (a: TriedPolicy, b: TriedPolicy): boolean =>
    a.policy.accuracy >= b.policy.accuracy && isNoDearer(a, b);
  return tried.filter(
    (one, at) =>
      !tried.some((other, by) => by !== at && isNoWorse(other, one) && (by < at || !isNoWorse(one, other))),
  );
}

/** The most accurate one, then again and again the one that is farthest from those chosen. */
function spread(tried: readonly TriedPolicy[], most: number): readonly TriedPolicy[] {
  if (tried.length <= most) return tried;
  const accuracies = tried.map(({ policy }) => policy.accuracy);
  const range = Math.max(...accuracies) - Math.min(...accuracies) || 1;
  const points = tried.map(({ cost, policy }) => [
    cost.asked,
    cost.total,
    cost.past,
    policy.accuracy / range,
  ]);
  const distance = (a: number, b: number): number =>
    Math.hypot(...points[a]!.map((value, axis) => value - points[b]![axis]!));
  let next = accuracies.indexOf(Math.max(...accuracies));
  const chosen = new Set([next]);
  const nearest = points.map((_, at) => distance(at, next));
  while (chosen.size < most) {
    next = nearest.indexOf(Math.max(...nearest));
    chosen.add(next);
    nearest.forEach((known, at) => {
      nearest[at] = Math.min(known, distance(at, next));
    });
  }
  return tried.filter((_, at) => chosen.has(at));
}

/** Non-empty sets of the numbers below `count`, of at most `most`, each rising. */
function subsets(count: number, most: number): readonly (readonly number[])[] {
  const grow = (set: readonly number[]): (readonly number[])[] => {
    const from = set.length === 0 ? 0 : set.at(-1)! + 1;
    const larger = Array.from({ length: Math.max(0, count - from) }, (_, i) => [...set, from + i]);
    return set.length === most ? [] : larger.flatMap((one) => [one, ...grow(one)]);
  };
  return grow([]);
}

function product(lists: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return lists.reduce<readonly (readonly number[])[]>(
    (rows, list) => rows.flatMap((row) => list.map((value) => [...row, value])),
    [[]],
  );
}

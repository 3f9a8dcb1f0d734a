import type { ExitCosts } from "#shared/evaluator";
import type { Conditions } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { Constraints } from "./constraints.ts";

/** So many nodes are visited by moves, for each node that there is; and at most in all. */
const VISITS = { each: 12_000, most: 20_000_000 } as const;
/** Of the moves that are two in one: one node joins for another that leaves. */
const TWO_IN_ONE = 0.3;
/** Moves tried from each start, for each node that may move. */
const MOVES = 400;
/** Of the period: how much worse a move may be at first, and at last. */
const WARM = 0.05;
const COLD = 1e-4;
/** Starts that grow from the image by some nodes. */
const ANYWHERE = 6;
/** So many places off is near. */
const NEAR = 64;

/**
 * Looks for heads of a shorter period between those that minimum cuts find: the longest of three stages may be least
 * where no weighted sum of them is. Simulated annealing (Kirkpatrick et al., 1983) over closed heads: a move lets a node
 * join with all that it needs, or leave with all that needs it, so that one move may go anywhere along a chain.
 *
 * @param starts heads, each as membership by node; all-edge is not looked for
 * @param enoughMs no head has a shorter period
 * @returns the best head found; seeded, so the same for the same problem
 */
export function shortenPeriod(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints,
  starts: readonly (readonly boolean[])[],
  enoughMs: number,
): readonly boolean[] {
  const walk = new Walk(costs, conditions, constraints);
  const count = costs.dag.names.length;
  const limit = Math.min(VISITS.each * count, VISITS.most);
  const moves = Math.max(5000, MOVES * Math.min(count, 200));
  const found: Found = { head: Uint8Array.from(starts[0]!, Number), ms: Infinity };
  const random = randomFrom(1);
  const enough = enoughMs * (1 + 1e-6);
  const given = starts.map((start) => Uint8Array.from(start, Number));
  // Those of cuts may all lie on one side of what is worth crossing.
  const anywhere = Array.from({ length: ANYWHERE }, (_, joined) => walk.grown(joined, random));
  for (const start of [given[0]!, ...anywhere, ...given.slice(1)]) {
    if (walk.visits > limit / 2 || found.ms <= enough) break;
    anneal(walk, start, { moves, limit, warm: WARM }, found, random);
  }
  // Again from the best, less far each time, and from anywhere.
  for (let round = 0; walk.visits < limit && found.ms > enough; round++) {
    const warm = WARM / 2 ** (round % 8);
    anneal(walk, found.head, { moves, limit, warm }, found, random);
    const start = walk.grown(Math.floor(ANYWHERE * random()), random);
    anneal(walk, start, { moves, limit, warm: 4 * WARM }, found, random);
  }
  return Array.from(found.head, Boolean);
}

interface Found {
  head: Uint8Array;
  ms: number;
}

function anneal(
  walk: Walk,
  start: Uint8Array,
  { moves, limit, warm }: { readonly moves: number; readonly limit: number; readonly warm: number },
  found: Found,
  random: () => number,
): void {
  walk.begin(start);
  let nowMs = walk.costMs();
  for (let move = 0; move < moves && walk.visits < limit; move++) {
    if (nowMs < found.ms) {
      found.ms = nowMs;
      found.head = walk.member.slice();
    }
    if (!walk.move(random)) continue;
    const nextMs = walk.costMs();
    const heat = nowMs * warm * (COLD / warm) ** (move / moves);
    if (nextMs <= nowMs || random() < Math.exp((nowMs - nextMs) / heat)) nowMs = nextMs;
    else walk.undo();
  }
}

/** A closed head that grows and shrinks, its stages kept up to date. */
class Walk {
  readonly member: Uint8Array;
  visits = 0;
  private readonly costs: ExitCosts;
  private readonly conditions: Conditions;
  private readonly mayRun: Uint8Array;
  private readonly noRawUpload: boolean;
  /** By node: how many of its readers lie in the tail. */
  private readonly outside: Int32Array;
  private readonly stack: number[] = [];
  /** Nodes that the last move moved. */
  private readonly moved: number[] = [];
  /** Of the stages, without fixed costs. */
  private edge = 0;
  private cloud = 0;
  private bytes = 0;
  private inHead = 0;
  private near = 1;

  constructor(costs: ExitCosts, conditions: Conditions, { readyNodes, noRawUpload = false }: Constraints) {
    const { names } = costs.dag;
    this.costs = costs;
    this.conditions = conditions;
    this.noRawUpload = noRawUpload;
    this.mayRun = Uint8Array.from(names, (name, node) =>
      Number(node === 0 || (readyNodes?.has(name) ?? true)),
    );
    this.member = new Uint8Array(names.length);
    this.outside = new Int32Array(names.length);
  }

  begin(head: Uint8Array): void {
    const { costs, member, outside } = this;
    const { successors } = costs.dag;
    [this.edge, this.cloud, this.bytes, this.inHead] = [0, 0, 0, 0];
    member.set(head);
    for (let node = 0; node < member.length; node++) {
      outside[node] = successors[node]!.reduce((count, reader) => count + (1 - member[reader]!), 0);
      if (member[node] === 1) {
        this.inHead += 1;
        this.edge += costs.edgeMs[node]!;
        if (outside[node]! > 0) this.cut(node, 1);
      } else this.cloud += costs.cloudMs[node]!;
    }
    this.moved.length = 0;
  }

  /** A head of the image and so many nodes, with all that these need. */
  grown(joined: number, random: () => number): Uint8Array {
    const { member } = this;
    this.begin(Uint8Array.from(member, (_, node) => Number(node === 0)));
    for (let at = 0; at < joined; at++) {
      const node = this.pick(random);
      this.moved.length = 0;
      if (member[node] === 0) this.join(node);
    }
    return member.slice();
  }

  /**
   * The period; a little more for what takes longer in all. All-edge is set aside: it is one step from everywhere, and
   * no way leads back.
   */
  costMs(): number {
    const { costs, conditions, member, inHead } = this;
    if (this.noRawUpload && this.outside[0]! > 0) return Infinity;
    const isRemote = inHead < member.length;
    const edge = conditions.edgeScale * (this.edge + (inHead > 1 ? costs.edgeFixedMs : 0));
    if (!isRemote) return Infinity;
    const uplink = (8000 * (this.bytes + costs.requestBytes)) / conditions.uplinkBps;
    const cloud = conditions.cloudScale * (this.cloud + costs.cloudFixedMs);
    return Math.max(edge, uplink, cloud) + 1e-7 * (edge + uplink + cloud);
  }

  /** @returns false when nothing has moved */
  move(random: () => number): boolean {
    const { moved } = this;
    moved.length = 0;
    const isMoved = this.toggle(this.pick(random));
    return isMoved && random() < TWO_IN_ONE ? this.toggle(this.pick(random)) : isMoved;
  }

  private toggle(node: number): boolean {
    return this.member[node] === 1 ? this.leave(node) : this.join(node);
  }

  /** Anywhere, or near a node that moved before: most of what is left to gain lies near the cut. */
  private pick(random: () => number): number {
    const { member } = this;
    const most = member.length - 1;
    if (random() < 0.5) {
      this.near = 1 + Math.floor(random() * most);
      return this.near;
    }
    const away = Math.ceil(NEAR * random() ** 2);
    return Math.min(Math.max(this.near + (random() < 0.5 ? away : -away), 1), most);
  }

  undo(): void {
    const { moved, member } = this;
    for (let at = moved.length - 1; at >= 0; at--) this.flip(moved[at]!, 1 - member[moved[at]!]!);
    moved.length = 0;
  }

  private join(node: number): boolean {
    const { predecessors } = this.costs.dag;
    const { stack, member, moved, mayRun } = this;
    stack.push(node);
    let isAllowed = true;
    while (stack.length > 0) {
      const next = stack.pop()!;
      this.visits += 1;
      if (member[next] === 1) continue;
      if (mayRun[next] === 0) isAllowed = false;
      this.flip(next, 1);
      moved.push(next);
      for (const from of predecessors[next]!) if (member[from] === 0) stack.push(from);
    }
    if (!isAllowed) this.undo();
    return isAllowed;
  }

  private leave(node: number): boolean {
    const { successors } = this.costs.dag;
    const { stack, member, moved } = this;
    stack.push(node);
    while (stack.length > 0) {
      const next = stack.pop()!;
      this.visits += 1;
      if (member[next] === 0) continue;
      this.flip(next, 0);
      moved.push(next);
      for (const reader of successors[next]!) if (member[reader] === 1) stack.push(reader);
    }
    return true;
  }

  private flip(node: number, into: number): void {
    const { costs, member, outside } = this;
    const sign = into === 1 ? 1 : -1;
    if (into === 0 && outside[node]! > 0) this.cut(node, -1);
    member[node] = into;
    this.inHead += sign;
    this.edge += sign * costs.edgeMs[node]!;
    this.cloud -= sign * costs.cloudMs[node]!;
    for (const from of costs.dag.predecessors[node]!) {
      const before = outside[from]!;
      outside[from] = before - sign;
      if (member[from] === 0) continue;
      if (before === 0) this.cut(from, 1);
      else if (before === 1 && sign === 1) this.cut(from, -1);
    }
    if (into === 1 && outside[node]! > 0) this.cut(node, 1);
  }

  /** A tensor begins, or ceases, to travel. */
  private cut(node: number, sign: number): void {
    const { edgeCutMs, cloudCutMs, wireBytes } = this.costs;
    this.edge += sign * edgeCutMs[node]!;
    this.cloud += sign * cloudCutMs[node]!;
    this.bytes += sign * wireBytes[node]!;
  }
}

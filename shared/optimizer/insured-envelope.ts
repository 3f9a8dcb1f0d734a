import type { ExitCosts } from "#shared/evaluator";
import type { Envelope } from "./envelope.ts";
import { forEachHead, type HeadQuery } from "./head-points.ts";

/** Heads, and what is left to do on the edge behind each of them to answer at exits that could stand in. */
export interface InsuredEnvelope extends Envelope {
  /** So many heads may be best with an insurance; without one the first `count` are enough. */
  readonly insuredCount: number;
  /** By exit that could stand in, by head: time on the edge, its fixed cost included, at edge scale 1. */
  readonly finishMs: readonly Float64Array[];
}

/** Where every head is compared with every other: beyond it only heads that are efficient without are insured. */
const MAX_INSURED = 5000;

/**
 * Adds the heads that only an insurance can make best. What it has left to do behind a head is one more coordinate for
 * each exit: the head that does more of what the insurance needs too may be worth more time at the edge or more bytes.
 * So all remote heads are kept that no other one equals or beats in edge time, cloud time, bytes and what is left.
 * All-edge beats none of them here: nothing insures it.
 *
 * @param asked nodes that have run besides the head
 * @param exits that could stand in
 */
export function insureEnvelope(
  envelope: Envelope,
  costs: ExitCosts,
  query: HeadQuery,
  asked: ReadonlySet<string>,
  exits: readonly ExitCosts[],
): InsuredEnvelope {
  const lefts = exits.map((exit) => leftBehind(exit, costs, asked));
  const more = exits.length === 0 ? [] : insuredHeads(envelope, costs, query, lefts);
  const heads = [...envelope.heads, ...more.map(({ member }) => member)];
  const joined = (own: Float64Array, axis: number): Float64Array =>
    Float64Array.of(...own, ...more.map(({ place }) => place[axis]!));
  return {
    ...envelope,
    heads,
    insuredCount: heads.length,
    edgeMs: joined(envelope.edgeMs, 0),
    cloudMs: joined(envelope.cloudMs, 1),
    bytes: joined(envelope.bytes, 2),
    remote: Uint8Array.of(...envelope.remote, ...more.map(() => 1)),
    finishMs: lefts.map((left) => Float64Array.from(heads, left)),
  };
}

/** What an exit has left to do behind a head. */
function leftBehind(
  exit: ExitCosts,
  costs: ExitCosts,
  asked: ReadonlySet<string>,
): (member: Uint8Array) => number {
  const own = new Map(costs.dag.names.map((name, node) => [name, node]));
  let alwaysMs = exit.edgeFixedMs;
  const shared: { readonly node: number; readonly ms: number }[] = [];
  for (const [at, name] of exit.dag.names.entries()) {
    const node = own.get(name);
    const ms = exit.edgeMs[at]!;
    if (asked.has(name)) continue;
    if (node === undefined) alwaysMs += ms;
    else shared.push({ node, ms });
  }
  return (member) => shared.reduce((sum, { node, ms }) => sum + (member[node] === 1 ? 0 : ms), alwaysMs);
}

interface Insured {
  readonly member: Uint8Array;
  /** Edge time, cloud time, bytes, and what is left for each exit. */
  readonly place: readonly number[];
}

function insuredHeads(
  envelope: Envelope,
  costs: ExitCosts,
  query: HeadQuery,
  lefts: readonly ((member: Uint8Array) => number)[],
): readonly Insured[] {
  if (!envelope.exact) return [];
  const all: Insured[] = [];
  const isAll = forEachHead(
    costs,
    { ...query, limit: MAX_INSURED },
    (member, edgeMs, cloudMs, bytes, remote) => {
      if (remote === 0) return;
      const place = [edgeMs, cloudMs, bytes, ...lefts.map((left) => left(member))];
      all.push({ member: member.slice(), place });
    },
  );
  if (!isAll) return [];
  const known = new Set(envelope.heads.map(String));
  return efficient(all).filter(({ member }) => !known.has(String(member)));
}

/** Of equal ones the first; one of less edge time is looked at before it could be beaten by it. */
function efficient(all: readonly Insured[]): readonly Insured[] {
  const kept: Insured[] = [];
  for (const one of all.toSorted((a, b) => compare(a.place, b.place))) {
    const isBeaten = kept.some(({ place }) => place.every((value, axis) => value <= one.place[axis]!));
    if (!isBeaten) kept.push(one);
  }
  return kept;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const axis = a.findIndex((value, at) => value !== b[at]);
  return axis < 0 ? 0 : a[axis]! - b[axis]!;
}

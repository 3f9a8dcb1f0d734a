import type { ExitCosts } from "#shared/evaluator";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { MinCutPlanner } from "#shared/optimizer";
import { type Random, randomFor } from "#shared/random";
import { DAG_KINDS, generatedExits } from "./generated-exits.ts";
import { boostPeer, type Peer } from "./peer/boost-peer.ts";
import { cutProblem } from "./peer/cut-problem.ts";
import { timingOf } from "./statistics.ts";

const NODES = 991;
/** Rounding of sums in another order. */
const ALIKE = 1e-6;

/** Ours beside Boost's Boykov-Kolmogorov, build and plan; or why that was left out. */
export function comparePeer(seed: number, repeats: number) {
  const peer = boostPeer();
  if (typeof peer === "string") return { leftOut: `boost boykov_kolmogorov: ${peer}` };
  try {
    const cases = DAG_KINDS.flatMap((kind) => {
      const costs = generatedExits(kind, NODES, seed).at(-1)!;
      return [
        { weights: `${kind}, as networks have them`, costs: bare(costs) },
        { weights: `${kind}, uniform`, costs: uniform(costs, randomFor(seed, 3, DAG_KINDS.indexOf(kind))) },
      ];
    });
    return {
      peer: "boost boykov_kolmogorov",
      cases: cases.map(({ weights, costs }) => compare(peer, weights, costs, seed, repeats)),
    };
  } finally {
    peer.close();
  }
}

function compare(peer: Peer, weights: string, costs: ExitCosts, seed: number, repeats: number) {
  const random = randomFor(seed, 5);
  const conditions = Array.from({ length: repeats }, () => drawn(random));
  // A just-in-time compiler has to have seen it.
  for (let round = 0; round < 5; round++) for (const one of conditions) new MinCutPlanner(costs).plan(one);
  const ours = conditions.map((one) => {
    const startMs = performance.now();
    const planner = new MinCutPlanner(costs);
    const builtMs = performance.now();
    const { latency } = planner.plan(one)!;
    return { buildMs: builtMs - startMs, cutMs: performance.now() - builtMs, value: latency.totalMs };
  });
  const theirs = peer.cut(conditions.map((one) => cutProblem(costs, one)));
  for (const [at, { value }] of theirs.entries()) {
    const own = ours[at]!.value;
    if (Math.abs(value - own) > ALIKE * own) throw new Error(`${weights}: expected ${value} ms, got ${own}`);
  }
  const median = (times: typeof ours, of: (one: (typeof ours)[number]) => number): number =>
    Number(timingOf(times.map(of)).median.toPrecision(4));
  const both = (one: (typeof ours)[number]): number => one.buildMs + one.cutMs;
  return {
    weights,
    ours: { build: median(ours, ({ buildMs }) => buildMs), plan: median(ours, ({ cutMs }) => cutMs) },
    peer: {
      build: median([...theirs], ({ buildMs }) => buildMs),
      plan: median([...theirs], ({ cutMs }) => cutMs),
    },
    peerOverOurs: {
      buildAndPlan: Number((median([...theirs], both) / median(ours, both)).toPrecision(3)),
      plan: Number(
        (median([...theirs], ({ cutMs }) => cutMs) / median(ours, ({ cutMs }) => cutMs)).toPrecision(3),
      ),
    },
  };
}

/** What no cut has is left out. */
function bare(costs: ExitCosts): ExitCosts {
  return { ...costs, edgeFixedMs: 0, cloudFixedMs: 0, requestBytes: 0, resultBytes: 0 };
}

/** Everything evenly between 0 and 1, as test graphs have it. */
function uniform(costs: ExitCosts, random: Random): ExitCosts {
  const draw = (by: number) => costs.dag.names.map((_, node) => (node === 0 ? 0 : by * random()));
  const nothing = costs.dag.names.map(() => 0);
  return {
    ...bare(costs),
    edgeMs: draw(1),
    cloudMs: draw(1),
    wireBytes: costs.dag.names.map(() => 1250 * random()),
    edgeCutMs: nothing,
    cloudCutMs: nothing,
  };
}

/** At 10 Mbit/s a tensor takes up to 1 ms. */
function drawn(random: Random): Conditions {
  return {
    rttMs: 0,
    queueMs: 0,
    uplinkBps: 1e7 * (0.5 + random()),
    downlinkBps: 1e9,
    edgeScale: 0.5 + random(),
    cloudScale: 0.5 + random(),
    spread: NO_SPREAD,
  };
}

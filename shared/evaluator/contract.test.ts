import { expect, test } from "vitest";
import { buildDag, closedHeads } from "#shared/graph";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { randomFrom } from "#shared/random";
import { contract, expandHead, type Measure } from "./contract.ts";
import type { ExitCosts } from "./exit-costs.ts";
import { randomCnn, randomConditions, randomExits } from "./fixture.ts";
import { type Latency, latencyOf, latencySdMs } from "./latency.ts";

const PROBLEMS = 2000;

/** CNNs, any DAGs, and both with parts that are forbidden: at an infinite cost. */
function problem(seed: number): { costs: ExitCosts; conditions: Conditions[]; random: () => number } {
  const random = randomFrom(seed);
  const plain = random() < 0.6 ? randomCnn(random, 8 + (seed % 8)) : randomExits(random, 11).at(-1)!;
  const noRawUpload = random() < 0.2;
  const missing = random() < 0.2 ? 1 + Math.floor(random() * plain.dag.names.length) : Infinity;
  const costs = {
    ...plain,
    wireBytes: plain.wireBytes.map((bytes, node) => (node === 0 && noRawUpload ? Infinity : bytes)),
    edgeMs: plain.edgeMs.map((ms, node) => (node >= missing ? Infinity : ms)),
  };
  return { costs, conditions: Array.from({ length: 5 }, () => randomConditions(random)), random };
}

/** Latencies of all heads under these conditions. */
const latencies = (
  costs: ExitCosts,
  heads: readonly (readonly boolean[])[],
  now: Conditions,
): readonly Latency[] => heads.map((head) => latencyOf(costs, head, now));

const least = (found: readonly Latency[], measure: (latency: Latency) => number): number =>
  found.reduce((min, latency) => Math.min(min, measure(latency)), Number.POSITIVE_INFINITY);

test("for latency, one of the best heads is left, under any conditions", () => {
  let [before, after] = [0, 0];
  for (let seed = 0; seed < PROBLEMS; seed++) {
    const { costs, conditions } = problem(seed);
    const contraction = contract(costs, { for: "latency" });
    before += costs.dag.names.length;
    after += contraction.costs.dag.names.length;
    const [heads, fewer] = [[...closedHeads(costs.dag)], [...closedHeads(contraction.costs.dag)]];
    for (const now of conditions) {
      const expected = least(latencies(costs, heads, now), ({ totalMs }) => totalMs);
      const found = least(latencies(contraction.costs, fewer, now), ({ totalMs }) => totalMs);
      expectSame(found, expected, `seed ${seed}`);
    }
  }
  // The problems must give much to contract, and much not to.
  expect(after / before).toBeGreaterThan(0.2);
  expect(after / before).toBeLessThan(0.7);
});

test("for any, the least period and the least quantile are left too", () => {
  const period = ({ edgeMs, uplinkMs, cloudMs }: Latency): number => Math.max(edgeMs, uplinkMs, cloudMs);
  let [before, after] = [0, 0];
  for (let seed = 0; seed < PROBLEMS; seed++) {
    const { costs, conditions } = problem(seed);
    const contraction = contract(costs, { for: "any" });
    before += costs.dag.names.length;
    after += contraction.costs.dag.names.length;
    const [heads, fewer] = [[...closedHeads(costs.dag)], [...closedHeads(contraction.costs.dag)]];
    for (const now of conditions) {
      const [all, kept] = [latencies(costs, heads, now), latencies(contraction.costs, fewer, now)];
      const spread = { ...now.spread, rttUplink: 0 };
      for (const measure of [
        (latency: Latency) => latency.totalMs,
        period,
        (latency: Latency) => latency.totalMs + 1.645 * (latencySdMs(latency, spread) || 0),
      ]) {
        expectSame(least(kept, measure), least(all, measure), `seed ${seed}`);
      }
    }
  }
  expect(after / before).toBeGreaterThan(0.3);
  expect(after / before).toBeLessThan(0.9);
});

test("a head of the contracted DAG stands for a head of the original with the same latency", () => {
  for (let seed = 0; seed < PROBLEMS; seed++) {
    const { costs, conditions, random } = problem(seed);
    const contraction = contract(costs, { for: random() < 0.5 ? "latency" : "any" });
    const members = contraction.members.flat().sort((a, b) => a - b);
    expect(members).toEqual(costs.dag.names.map((_, node) => node));
    expect(contraction.members[0]).toEqual([0]);
    expect(contraction.costs.dag.names).toEqual(
      contraction.members.map((nodes) => costs.dag.names[nodes.at(-1)!]),
    );
    for (const head of closedHeads(contraction.costs.dag)) {
      const original = expandHead(contraction, head);
      const isClosed = costs.dag.predecessors.every(
        (from, node) => !original[node] || from.every((p) => original[p]),
      );
      if (!isClosed) expect.fail(`seed ${seed}: expected a closed head, got ${original}`);
      const found = latencyOf(contraction.costs, head, conditions[0]!);
      const expected = latencyOf(costs, original, conditions[0]!);
      for (const part of Object.keys(expected) as (keyof Latency)[]) {
        expectSame(found[part], expected[part], `seed ${seed}, ${part}`);
      }
    }
  }
});

test("what is contracted cannot be contracted further", () => {
  for (let seed = 0; seed < PROBLEMS; seed++) {
    const { costs } = problem(seed);
    for (const measure of ["latency", "any"] as const) {
      const once = contract(costs, { for: measure }).costs;
      expect(contract(once, { for: measure }).costs.dag, `seed ${seed}`).toEqual(once.dag);
    }
  }
});

test("a large model of few kinds of blocks contracts to a short chain", () => {
  const costs = randomCnn(randomFrom(3), 1000);
  const { dag } = contract(costs, { for: "latency" }).costs;
  expect(dag.names.length).toBeLessThan(0.5 * costs.dag.names.length);
});

/** The head that is best under QUIET conditions must stay when the rule's condition does not hold. */
const QUIET: Conditions = {
  rttMs: 0,
  uplinkBps: 8e6,
  downlinkBps: 8e6,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 0,
  spread: NO_SPREAD,
};

test("a free node merges with the node that it reads, unless it is dearer to cut or that is the input", () => {
  // image -> a -> b -> c: b is free.
  const free = chain({ edgeMs: [0, 5, 0, 9], cloudMs: [0, 9, 0, 1], kilobytes: [9, 3, 2, 0] });
  expect(left(free, "any")).toEqual(["image", "b", "c"]);
  // Dearer to cut than a in bytes, edge or cloud time: then a is where to cut, and b goes with c.
  expect(left({ ...free, wireBytes: [9e3, 2e3, 3e3, 0] }, "any")).toEqual(["image", "a", "c"]);
  expect(left({ ...free, wireBytes: [9e3, 3e3, 3e3, 0], edgeCutMs: [0, 0, 1, 0] }, "any")).toEqual([
    "image",
    "a",
    "c",
  ]);
  // Neither is cheaper in all: both stay.
  expect(left({ ...free, edgeCutMs: [0, 1, 0, 0], wireBytes: [9e3, 2e3, 3e3, 0] }, "any")).toHaveLength(4);
  expect(left({ ...free, cloudCutMs: [0, 1, 0, 0], wireBytes: [9e3, 2e3, 3e3, 0] }, "any")).toHaveLength(4);
  // The input stays alone: a head of more pays the edge's fixed cost.
  const first = chain({ edgeMs: [0, 0, 9], cloudMs: [0, 0, 1], kilobytes: [2, 2, 0] });
  expect(left(first)).toContain("image");
  expect(best({ ...first, edgeFixedMs: 3 })).toEqual(["image"]);
});

test("a pair merges when the mean of stepping back and going on is no worse, for latency alone", () => {
  // Ending at a: 4 on the edge and 4 in the cloud; back: 0 and 8; on: 8 and 0. All cut 2 kB.
  const pair = chain({ edgeMs: [0, 4, 4, 90], cloudMs: [0, 4, 4, 0], kilobytes: [2, 2, 2, 0] });
  expect(left(pair)).toEqual(["image", "b", "c"]);
  expect(left(pair, "any")).toEqual(["image", "a", "b", "c"]);
  // The longest stage is least in between: the mixture is no plan.
  const stages = [...closedHeads(pair.dag)].map((head): [number, number] => {
    const { edgeMs, uplinkMs, cloudMs } = latencyOf(pair, head, QUIET);
    return [Math.max(edgeMs, uplinkMs, cloudMs), head.filter(Boolean).length];
  });
  expect(stages.sort((a, b) => a[0] - b[0])[0]).toEqual([4, 2]);
});

test.each<[string, ExitCosts, readonly string[]]>([
  [
    "edge(u) * cloud(v) < edge(v) * cloud(u)",
    chain({ edgeMs: [0, 1, 9, 90], cloudMs: [0, 9, 1, 0], kilobytes: [2, 2, 2, 0] }),
    ["image", "a"],
  ],
  [
    "its tensor is smaller than that after",
    chain({ edgeMs: [0, 4, 4, 90], cloudMs: [0, 4, 4, 0], kilobytes: [2, 1, 2, 0] }),
    ["image", "a"],
  ],
  [
    "its tensor is smaller than that before",
    chain({ edgeMs: [0, 4, 5, 90], cloudMs: [0, 4, 4, 0], kilobytes: [3, 2, 2, 0] }),
    ["image", "a"],
  ],
  [
    "it is dear to read back before",
    {
      ...chain({ edgeMs: [0, 4, 5, 90], cloudMs: [0, 4, 4, 0], kilobytes: [2, 2, 2, 0] }),
      edgeCutMs: [1, 0, 0, 0],
    },
    ["image", "a"],
  ],
  [
    "it is dear to decode after",
    {
      ...chain({ edgeMs: [0, 4, 4, 90], cloudMs: [0, 5, 4, 0], kilobytes: [2, 2, 2, 0] }),
      cloudCutMs: [0, 0, 1, 0],
    },
    ["image", "a"],
  ],
])("a pair stays apart where %s", (_, costs, head) => {
  expect(best(costs)).toEqual(head);
  expect(left(costs)).toEqual(expect.arrayContaining(["a", "b"]));
});

test("a node with a second reader that may lie on the other side stays apart", () => {
  // a is read by b and c; going back from a is not possible when c is in the head.
  const costs = net(
    [
      ["image", "a"],
      ["a", "b"],
      ["a", "c"],
      ["b", "d"],
      ["c", "d"],
    ],
    { edgeMs: [0, 1, 9, 1, 90], cloudMs: [0, 9, 1, 9, 0], kilobytes: [9, 1, 1, 1, 0] },
  );
  expect(best(costs)).toEqual(["image", "a", "c"]);
  expect(left(costs)).toEqual(expect.arrayContaining(["c", "d"]));
  expect(left(costs)).not.toEqual(["image", "d"]);
});

test("a reader that waits for another branch cannot be gone on to", () => {
  // join reads a, which is quick on the edge, and b, which is not: the best head ends after a.
  const costs = net(
    [
      ["image", "a"],
      ["image", "b"],
      ["a", "join"],
      ["b", "join"],
    ],
    { edgeMs: [0, 1, 90, 0], cloudMs: [0, 90, 1, 1], kilobytes: [1, 1, 1, 0] },
  );
  expect(best(costs)).toEqual(["image", "a"]);
  expect(left(costs)).toEqual(["image", "a", "b", "join"].filter((name) => name !== "b"));
});

test("a tensor that a shortcut keeps in the cut anyway is not counted as gained", () => {
  // image -> x -> a -> b -> join, x -> join: x is cut as long as the head ends in between.
  const shortcut = (kilobytes: readonly number[]) =>
    net(
      [
        ["image", "x"],
        ["x", "a"],
        ["a", "b"],
        ["b", "join"],
        ["x", "join"],
        ["join", "end"],
      ],
      { edgeMs: [0, 1, 4, 4, 0, 90], cloudMs: [0, 9, 4, 4, 0, 0], kilobytes },
    );
  expect(left(shortcut([9, 5, 2, 2, 5, 0]))).toEqual(["image", "x", "join", "end"]);
});

test("a tensor that another branch reads stays in the cut when its shortcut is gone on past", () => {
  // join reads x and a, other reads x: a head that ends after join instead of a still sends x.
  const costs = net(
    [
      ["image", "x"],
      ["x", "a"],
      ["x", "other"],
      ["x", "join"],
      ["a", "join"],
      ["join", "end"],
      ["other", "end"],
    ],
    { edgeMs: [0, 1, 1, 90, 0, 90], cloudMs: [0, 9, 9, 1, 0, 0], kilobytes: [9, 5, 1, 3, 3, 0] },
  );
  expect(best(costs)).toEqual(["image", "x", "a"]);
  expect(left(costs)).toEqual(expect.arrayContaining(["a", "join"]));
});

test("a block is one node when a mixture of its ends is no worse than all that ends inside", () => {
  // x -> a -> join, x -> b -> join, no slower or faster anywhere.
  const block = (a: readonly [number, number], b: readonly [number, number]) =>
    net(
      [
        ["image", "x"],
        ["x", "a"],
        ["x", "b"],
        ["a", "join"],
        ["b", "join"],
        ["join", "end"],
      ],
      { edgeMs: [0, 1, a[0], b[0], 1, 90], cloudMs: [0, 9, a[1], b[1], 1, 0], kilobytes: [9, 2, 2, 2, 2, 0] },
    );
  expect(left(block([4, 4], [4, 4]))).toEqual(["image", "x", "join", "end"]);
  expect(left(block([4, 4], [4, 4]), "any").length).toBeGreaterThan(4);
  // a is quick on the edge and slow in the cloud: to end after it is best.
  expect(best(block([1, 20], [20, 1]))).toEqual(["image", "x", "a"]);
  expect(left(block([1, 20], [20, 1]))).toContain("a");
  expect(contract(block([4, 4], [4, 4]), { for: "latency", maxHeads: 2 }).members.length).toBeGreaterThan(4);
});

/** Names of the nodes that stay. */
function left(costs: ExitCosts, measure: Measure = "latency"): readonly string[] {
  return contract(costs, { for: measure }).costs.dag.names;
}

/** Names of the only best head under QUIET conditions. */
function best(costs: ExitCosts): readonly string[] {
  const heads = [...closedHeads(costs.dag)]
    .map((head) => ({ head, ms: latencyOf(costs, head, QUIET).totalMs }))
    .sort((a, b) => a.ms - b.ms);
  expect(heads[0]!.ms).toBeLessThan(heads[1]!.ms);
  return costs.dag.names.filter((_, node) => heads[0]!.head[node]);
}

interface Weights {
  readonly edgeMs: readonly number[];
  readonly cloudMs: readonly number[];
  readonly kilobytes: readonly number[];
}

/** image -> a -> b -> c as far as there are weights; a kilobyte takes a millisecond. */
function chain(weights: Weights): ExitCosts {
  const names = ["image", "a", "b", "c"].slice(0, weights.edgeMs.length);
  return net(
    names.slice(1).map((name, at): [string, string] => [names[at]!, name]),
    weights,
  );
}

/** Nodes in the order in which the arcs name them. */
function net(arcs: readonly [string, string][], weights: Weights): ExitCosts {
  const dag = buildDag([...new Set(arcs.flat())], arcs);
  return {
    exit: "only",
    position: 0,
    accuracy: 0.9,
    dag,
    edgeMs: weights.edgeMs,
    cloudMs: weights.cloudMs,
    wireBytes: weights.kilobytes.map((size) => 1000 * size),
    edgeCutMs: dag.names.map(() => 0),
    cloudCutMs: dag.names.map(() => 0),
    edgeFixedMs: 0,
    cloudFixedMs: 0,
    requestBytes: 0,
    resultBytes: 0,
  };
}

function expectSame(found: number, expected: number, label: string): void {
  if (found === expected || Math.abs(found - expected) <= 1e-9 * Math.max(1, Math.abs(expected))) return;
  expect(found, label).toBe(expected);
}

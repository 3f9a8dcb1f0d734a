import { expect, test } from "vitest";
import type { ExitCosts } from "#shared/evaluator";
import { buildDag } from "#shared/graph";
import { NO_SPREAD } from "#shared/model";
import { type Random, randomFrom } from "#shared/random";
import { leastPeriod } from "./least-period.ts";

const CONDITIONS = {
  rttMs: 20,
  uplinkBps: 20e6,
  downlinkBps: 20e6,
  edgeScale: 1,
  cloudScale: 1,
  queueMs: 2,
  spread: NO_SPREAD,
};

test("two long rails: within 2 % of the least period, which no weighted sum of the stages finds", () => {
  let gained = 0;
  for (let seed = 0; seed < 12; seed++) {
    const costs = problem(seed, rails(40));
    const exact = leastPeriod(costs, CONDITIONS)!;
    const found = leastPeriod(costs, CONDITIONS, {}, 0)!;
    expect(exact.lowerBoundMs, `seed ${seed}`).toBe(exact.periodMs);
    expect(found.periodMs / exact.periodMs, `seed ${seed}`).toBeLessThan(1.02);
    expect(found.periodMs / exact.periodMs, `seed ${seed}`).toBeGreaterThan(1 - 1e-9);
    expect(found.lowerBoundMs, `seed ${seed}`).toBeLessThanOrEqual(exact.periodMs * (1 + 1e-9));
    if (found.periodMs > found.lowerBoundMs * 1.001) gained++;
  }
  // Else the bound alone would do.
  expect(gained).toBeGreaterThan(3);
});

test("a fan of branches, each here or there: within 2 % of the least period", () => {
  for (let seed = 0; seed < 12; seed++) {
    const costs = problem(seed, fan(12));
    const exact = leastPeriod(costs, CONDITIONS)!;
    const found = leastPeriod(costs, CONDITIONS, {}, 0)!;
    expect(found.periodMs / exact.periodMs, `seed ${seed}`).toBeLessThan(1.02);
  }
});

test("what may not be in the head, or not be sent, is not, however short the period were", () => {
  for (let seed = 0; seed < 12; seed++) {
    const costs = problem(seed, rails(30));
    const readyNodes = new Set(costs.dag.names.filter((_, node) => node % 7 !== 5));
    const constraints = { readyNodes, noRawUpload: seed % 2 === 0 };
    const exact = leastPeriod(costs, CONDITIONS, constraints);
    const found = leastPeriod(costs, CONDITIONS, constraints, 0);
    expect(found === null, `seed ${seed}`).toBe(exact === null);
    if (found === null) continue;
    expect(found.periodMs, `seed ${seed}`).toBeGreaterThanOrEqual(exact!.periodMs * (1 - 1e-9));
    const names = costs.dag.names.filter((_, node) => found.head[node] && node > 0);
    expect(names.filter((name) => !readyNodes.has(name))).toEqual([]);
  }
});

test("a long chain is planned exactly, and holds no more than it has nodes", () => {
  const count = 20_000;
  const chain = Array.from({ length: count - 1 }, (_, at): [string, string] => [`n${at}`, `n${at + 1}`]);
  const costs = problem(1, { count, edges: chain });
  const found = leastPeriod(costs, CONDITIONS)!;
  let [edge, cloud, least] = [0, costs.cloudMs.reduce((sum, ms) => sum + ms, 0), Infinity];
  for (let node = 0; node < count - 1; node++) {
    edge += costs.edgeMs[node]!;
    cloud -= costs.cloudMs[node]!;
    least = Math.min(least, Math.max(edge, (8000 * costs.wireBytes[node]!) / 20e6, cloud));
  }
  expect(found.periodMs).toBeCloseTo(Math.min(least, edge + costs.edgeMs[count - 1]!), 6);
  expect(found.lowerBoundMs).toBe(found.periodMs);
});

interface Shape {
  readonly count: number;
  readonly edges: readonly [string, string][];
}

/** The image, two chains side by side, and what joins them. */
function rails(length: number): Shape {
  const last = 2 * length + 1;
  const edges = Array.from({ length: 2 * length }, (_, at): [string, string] => [
    at < 2 ? "n0" : `n${at - 1}`,
    `n${at + 1}`,
  ]);
  return { count: last + 1, edges: [...edges, [`n${last - 2}`, `n${last}`], [`n${last - 1}`, `n${last}`]] };
}

function fan(branches: number): Shape {
  const last = branches + 1;
  const edges = Array.from({ length: branches }, (_, at): [string, string][] => [
    ["n0", `n${at + 1}`],
    [`n${at + 1}`, `n${last}`],
  ]);
  return { count: last + 1, edges: edges.flat() };
}

function problem(seed: number, { count, edges }: Shape): ExitCosts {
  const random: Random = randomFrom(seed);
  const names = Array.from({ length: count }, (_, node) => `n${node}`);
  const dag = buildDag(names, edges);
  const zeros = names.map(() => 0);
  return {
    exit: "x",
    position: 0,
    accuracy: 0.5,
    dag,
    edgeMs: dag.names.map((_, node) => (node === 0 ? 0 : 4 * random())),
    cloudMs: dag.names.map((_, node) => (node === 0 ? 0 : 3 * random())),
    wireBytes: dag.names.map(() => 500 + 50_000 * random()),
    edgeCutMs: zeros,
    cloudCutMs: zeros,
    edgeFixedMs: 0,
    cloudFixedMs: 0,
    requestBytes: 0,
    resultBytes: 64,
  };
}

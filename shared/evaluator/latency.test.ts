import { expect, test } from "vitest";
import { closedHeads } from "#shared/graph";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { randomFrom } from "#shared/random";
import type { ExitCosts } from "./exit-costs.ts";
import { randomConditions, randomExits } from "./fixture.ts";
import { headMembers, latencyOf, latencySdMs } from "./latency.ts";

const cases = Array.from({ length: 60 }, (_, seed) => {
  const random = randomFrom(seed);
  const conditions = randomConditions(random);
  return randomExits(random, 8).flatMap((costs) =>
    [...closedHeads(costs.dag)].map((head) => ({ costs, head, conditions })),
  );
}).flat();

test("latency is the formula of DESIGN section 5, and its parts add up", () => {
  for (const { costs, head, conditions } of cases) {
    const { totalMs, ...parts } = latencyOf(costs, head, conditions);
    const sum = Object.values(parts).reduce((a, b) => a + b, 0);
    expect(totalMs).toBeCloseTo(sum, 9);
    expect(totalMs).toBeCloseTo(formula(costs, head, conditions), 6);
  }
});

test("the empty cut pays nothing for network and cloud", () => {
  for (const { costs, head, conditions } of cases) {
    if (head.includes(false)) continue;
    const { edgeMs, totalMs } = latencyOf(costs, head, {
      ...conditions,
      uplinkBps: 1,
      rttMs: 1e9,
      cloudScale: 1e9,
    });
    expect(totalMs).toBe(edgeMs);
  }
});

test("no plan gets slower when a condition gets better", () => {
  for (const { costs, head, conditions } of cases) {
    const { totalMs } = latencyOf(costs, head, conditions);
    const better: Conditions[] = [
      { ...conditions, rttMs: conditions.rttMs / 2 },
      { ...conditions, queueMs: conditions.queueMs / 2 },
      { ...conditions, uplinkBps: conditions.uplinkBps * 2 },
      { ...conditions, downlinkBps: conditions.downlinkBps * 2 },
      { ...conditions, edgeScale: conditions.edgeScale / 2 },
      { ...conditions, cloudScale: conditions.cloudScale / 2 },
    ];
    for (const one of better) expect(latencyOf(costs, head, one).totalMs).toBeLessThanOrEqual(totalMs);
  }
});

test("the standard deviation is that of latencies under scattered conditions", () => {
  const random = randomFrom(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const spread = { ...NO_SPREAD, rttMs: 3, uplink: 0.05, edge: 0.04, cloud: 0.06 };
  for (const { costs, head, conditions } of cases.filter((_, at) => at % 100 === 0)) {
    const expected = latencySdMs(latencyOf(costs, head, conditions), spread);
    const draws = Array.from({ length: 2000 }, () => {
      const drawn = {
        ...conditions,
        rttMs: conditions.rttMs + spread.rttMs * normal(),
        uplinkBps: conditions.uplinkBps / (1 + spread.uplink * normal()),
        edgeScale: conditions.edgeScale * (1 + spread.edge * normal()),
        cloudScale: conditions.cloudScale * (1 + spread.cloud * normal()),
      };
      return latencyOf(costs, head, drawn).totalMs;
    });
    const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
    const sd = Math.sqrt(draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length);
    expect(sd / expected).toBeGreaterThan(0.92);
    expect(sd / expected).toBeLessThan(1.08);
    expect(latencySdMs(latencyOf(costs, head, conditions), NO_SPREAD)).toBe(0);
  }
});

test("a head by names is the head by membership; what is no head is refused", () => {
  for (const { costs, head } of cases) {
    const names = costs.dag.names.filter((_, node) => head[node]);
    expect(headMembers(costs, names.toReversed())).toEqual(head);
    const refused = expect.objectContaining({ code: "bad-plan" });
    expect(() => headMembers(costs, names.slice(1))).toThrow(refused);
    expect(() => headMembers(costs, [...names, "nowhere"])).toThrow(refused);
    expect(() => headMembers(costs, [...names, names[0]!])).toThrow(refused);
  }
});

/** Written a second time, by names and sets. */
function formula(costs: ExitCosts, head: readonly boolean[], c: Conditions): number {
  const nodes = costs.dag.names.map((_, node) => node);
  const tail = nodes.filter((node) => !head[node]);
  const cut = nodes.filter(
    (node) => head[node] && tail.some((t) => costs.dag.predecessors[t]!.includes(node)),
  );
  const sum = (values: readonly number[], of: readonly number[]) =>
    of.reduce((total, node) => total + values[node]!, 0);
  const inHead = nodes.filter((node) => head[node]);
  const edge = c.edgeScale * (sum(costs.edgeMs, inHead) + (inHead.length > 1 ? costs.edgeFixedMs : 0));
  if (tail.length === 0) return edge;
  const bytes = costs.requestBytes + sum(costs.wireBytes, cut);
  const cloud = c.cloudScale * (costs.cloudFixedMs + sum(costs.cloudMs, tail));
  const ends = c.edgeScale * sum(costs.edgeCutMs, cut) + c.cloudScale * sum(costs.cloudCutMs, cut);
  const network =
    c.rttMs + (bytes * 8) / (c.uplinkBps / 1000) + (costs.resultBytes * 8) / (c.downlinkBps / 1000);
  return edge + ends + c.queueMs + cloud + network;
}

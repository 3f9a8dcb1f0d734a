import { expect, test } from "vitest";
import { type ExitCosts, latencyOf } from "#shared/evaluator";
import { type Conditions, NO_SPREAD } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomConditions, randomExits } from "../evaluator/fixture.ts";
import { buildEnvelope, type Envelope } from "./envelope.ts";
import { permittedHeads, randomConstraints } from "./fixture.ts";
import { minCutPlan } from "./min-cut-plan.ts";

test("for random conditions the hull's optimum equals the min-cut's, under all constraints", () => {
  let compared = 0;
  for (let seed = 0; seed < 700; seed++) {
    const random = randomFrom(seed);
    const exits = randomExits(random, 14);
    const { exits: _, ...constraints } = randomConstraints(random, exits);
    for (const costs of exits) {
      const envelope = buildEnvelope(costs, { constraints })!;
      for (let draw = 0; draw < 6; draw++) {
        const conditions = randomConditions(random);
        const plan = minCutPlan(costs, conditions, constraints);
        const label = `seed ${seed}, ${costs.exit}`;
        expect(envelope.count === 0, label).toBe(plan === null);
        if (plan === null) continue;
        const ms = latencies(costs, envelope, conditions).slice(0, envelope.hullCount);
        expect(Math.min(...ms), label).toBeCloseTo(plan.latency.totalMs, 6);
        compared++;
      }
    }
  }
  expect(compared).toBeGreaterThan(5000);
});

test("a head outside the envelope is no better in any of its times than some head in it", () => {
  for (let seed = 0; seed < 300; seed++) {
    const random = randomFrom(seed);
    for (const costs of randomExits(random, 10)) {
      const { constraints } = { constraints: randomConstraints(random, [costs]) };
      const { exits: _, ...permitted } = constraints;
      const envelope = buildEnvelope(costs, { constraints: permitted })!;
      const inEnvelope = new Set(envelope.heads.map((head) => Array.from(head, Boolean).join()));
      for (const head of permittedHeads(costs, permitted)) {
        if (inEnvelope.has(head.join())) continue;
        const [edge, cloud, bytes] = pointOf(costs, head);
        const better = envelope.heads.some(
          (_, at) =>
            envelope.edgeMs[at]! <= edge + 1e-9 &&
            envelope.cloudMs[at]! <= cloud + 1e-9 &&
            envelope.bytes[at]! <= bytes + 1e-6,
        );
        expect(better, `seed ${seed}, ${costs.exit}`).toBe(true);
      }
    }
  }
});

test("its points are its heads', the first all-edge, and the hull is smaller than all heads", () => {
  const sizes = { heads: 0, efficient: 0, hull: 0 };
  for (let seed = 0; seed < 200; seed++) {
    const random = randomFrom(seed);
    const conditions = randomConditions(random);
    for (const costs of randomExits(random, 12)) {
      const envelope = buildEnvelope(costs)!;
      expect([...envelope.remote]).toEqual(envelope.heads.map((head) => Number(head.includes(0))));
      expect(envelope.remote[0]).toBe(0);
      latencies(costs, envelope, conditions).forEach((ms, at) => {
        const head = [...envelope.heads[at]!].map(Boolean);
        expect(ms).toBeCloseTo(latencyOf(costs, head, conditions).totalMs, 6);
      });
      sizes.heads += permittedHeads(costs, {}).length;
      sizes.efficient += envelope.count;
      sizes.hull += envelope.hullCount;
    }
  }
  expect(sizes.hull).toBeLessThan(0.9 * sizes.efficient);
  expect(sizes.efficient).toBeLessThan(0.75 * sizes.heads);
});

test("pinned nodes are in every head, and heads beyond a limit are told", () => {
  for (let seed = 0; seed < 100; seed++) {
    const random = randomFrom(seed);
    for (const costs of randomExits(random, 10)) {
      const pinned = new Set(costs.dag.names.slice(1).filter(() => random() < 0.2));
      const envelope = buildEnvelope(costs, { pinned })!;
      const heads = permittedHeads(costs, {}).filter((head) =>
        costs.dag.names.every((name, node) => head[node] || !pinned.has(name)),
      );
      const conditions = randomConditions(random);
      const least = Math.min(...heads.map((head) => latencyOf(costs, head, conditions).totalMs));
      expect(Math.min(...latencies(costs, envelope, conditions))).toBeCloseTo(least, 6);
      const isOpen = pinned.size > 0 && !pinned.has(costs.dag.names.at(-1)!);
      if (isOpen) expect(buildEnvelope(costs, { pinned, limit: 0 })).toBeNull();
      expect(buildEnvelope(costs, { limit: 0 })?.exact).toBe(false);
    }
  }
});

test("what contraction makes few enough is listed exactly, under all constraints", () => {
  const counts = { contracted: 0, sampled: 0 };
  for (let seed = 0; seed < 400; seed++) {
    const random = randomFrom(seed);
    for (const costs of randomExits(random, 14)) {
      const { exits: _, offline: __, ...constraints } = randomConstraints(random, [costs]);
      const exact = buildEnvelope(costs, { constraints })!;
      const limit = Math.floor(0.9 * permittedHeads(costs, constraints).length);
      const envelope = buildEnvelope(costs, { constraints, limit })!;
      if (envelope.exact) counts.contracted++;
      else counts.sampled++;
      if (!envelope.exact) continue;
      const conditions = randomConditions(random);
      const [found, expected] = [envelope, exact].map((one) =>
        Math.min(...latencies(costs, one, conditions)),
      );
      if (exact.count === 0) expect(envelope.count).toBe(0);
      else expect(found).toBeCloseTo(expected!, 6);
      const stages = ({ edgeMs, cloudMs, bytes }: Envelope) =>
        Math.min(...edgeMs.map((ms, at) => Math.max(ms, 3 * cloudMs[at]!, bytes[at]! / 500)));
      if (exact.count > 0) expect(stages(envelope)).toBeCloseTo(stages(exact), 6);
    }
  }
  expect(counts.contracted).toBeGreaterThan(100);
  expect(counts.sampled).toBeGreaterThan(100);
});

test("where heads are too many to list, sampled ones come close to the min-cut's optimum", () => {
  const counts = { tried: 0, exact: 0 };
  for (let seed = 0; seed < 100; seed++) {
    const random = randomFrom(seed);
    for (const costs of randomExits(random, 14)) {
      const envelope = buildEnvelope(costs, { limit: 0 })!;
      const conditions = randomConditions(random);
      const least = minCutPlan(costs, conditions)!.latency.totalMs;
      const found = Math.min(...latencies(costs, envelope, conditions));
      expect(found).toBeLessThanOrEqual(least * 1.15 + 1);
      counts.tried++;
      if (found <= least + 1e-6) counts.exact++;
    }
  }
  expect(counts.exact).toBeGreaterThan(0.9 * counts.tried);
});

function latencies(costs: ExitCosts, envelope: Envelope, c: Conditions): number[] {
  const once = c.rttMs + c.queueMs + (8000 * costs.resultBytes) / c.downlinkBps;
  return envelope.heads.map((_, at) => {
    const stages = c.edgeScale * envelope.edgeMs[at]! + c.cloudScale * envelope.cloudMs[at]!;
    return stages + (8000 * envelope.bytes[at]!) / c.uplinkBps + envelope.remote[at]! * once;
  });
}

/** Edge time, cloud time and bytes of a head, by the definition of latency. */
function pointOf(costs: ExitCosts, head: readonly boolean[]): [number, number, number] {
  const unit = { rttMs: 0, queueMs: 0, uplinkBps: 8000, downlinkBps: Infinity, edgeScale: 1, cloudScale: 1 };
  const { edgeMs, cloudMs, uplinkMs } = latencyOf(costs, head, { ...unit, spread: NO_SPREAD });
  return [edgeMs, cloudMs, uplinkMs];
}

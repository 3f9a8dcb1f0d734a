import { expect, test } from "vitest";
import { NO_SPREAD, type Spread } from "#shared/model";
import { randomFrom } from "#shared/random";
import { INSURANCE, INSURANCE_STAYS } from "./decision.ts";
import { INSURANCE_STAYS_Z, INSURANCE_Z, leastDeviations, likelihood } from "./likelihood.ts";
import { chanceOf, deviations, quantileOf } from "./normal.ts";

test("quantiles of the normal distribution are where tables have them", () => {
  expect(chanceOf(0)).toBeCloseTo(0.5, 7);
  expect(chanceOf(1.6448536)).toBeCloseTo(0.95, 6);
  expect(chanceOf(-1.959964)).toBeCloseTo(0.025, 6);
  expect([chanceOf(Infinity), chanceOf(-Infinity)]).toEqual([1, 0]);
  expect(chanceOf(INSURANCE_Z)).toBeCloseTo(INSURANCE, 5);
  expect(chanceOf(INSURANCE_STAYS_Z)).toBeCloseTo(INSURANCE_STAYS, 5);
});

test("quantiles undo chances to half a thousandth", () => {
  for (let z = -3.7; z <= 3.7; z += 0.01) expect(Math.abs(quantileOf(chanceOf(z)) - z)).toBeLessThan(5e-4);
});

test("without uncertainty the slack's sign decides, rounding aside", () => {
  const chances = [1, 0, -1e-12, -1e-6].map((slackMs) => chanceOf(deviations(slackMs, 0)));
  expect(chances).toEqual([1, 1, 1, 0]);
});

test("what takes longer is never likelier in time", () => {
  const random = randomFrom(1);
  for (let at = 0; at < 20_000; at++) {
    const spread: Spread = {
      ...NO_SPREAD,
      uplink: random() ** 2,
      network: random() ** 2,
      edge: random() ** 2,
      cloud: random() ** 2,
    };
    const parts = {
      edge: 100 * random(),
      cloud: 100 * random() ** 2,
      uplink: 100 * random(),
      certain: 50 * random(),
    };
    const budgetMs = 300 * random();
    const chance = ({ edge, cloud, uplink, certain }: typeof parts): number => {
      const sdMs = Math.hypot(
        edge * spread.edge,
        cloud * spread.cloud,
        uplink * spread.uplink,
        uplink * spread.network,
      );
      return likelihood(
        deviations(budgetMs - edge - cloud - uplink - certain, sdMs),
        leastDeviations(spread),
      );
    };
    const part = (["edge", "cloud", "uplink", "certain"] as const)[at % 4]!;
    const longer = { ...parts, [part]: parts[part] * (1 + random()) };
    expect(chance(longer)).toBeLessThanOrEqual(chance(parts) + 1e-7);
  }
});

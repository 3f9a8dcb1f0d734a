import { expect, test } from "vitest";
import { randomFor } from "#shared/random";
import type { Verdicts } from "../evaluate/temperature.ts";
import { binomialTail, safeThresholds } from "./safe-thresholds.ts";

/** An exit whose confidence is its chance to be right. */
function honest(photos: number, seed: number, least = 0): Verdicts {
  const random = randomFor(seed);
  const confidence = Float64Array.from({ length: photos }, () => least + (1 - least) * random() ** 0.3);
  return { confidence, right: Array.from(confidence, (sure) => random() < sure) };
}

/** One that is as sure of what it does not know, and wrong. */
function fooled(photos: number, seed: number): Verdicts {
  const random = randomFor(seed);
  return {
    confidence: Float64Array.from({ length: photos }, () => random()),
    right: Array.from({ length: photos }, () => false),
  };
}

const differing = ({ confidence, right }: Verdicts, threshold: number) => {
  const answered = right.filter((_, photo) => confidence[photo]! >= threshold);
  return { answered: answered.length, differ: answered.filter((isRight) => !isRight).length };
};

test("the binomial tail, against sums by hand", () => {
  expect(binomialTail(0, 10, 0.5)).toBeCloseTo(1 / 1024, 12);
  expect(binomialTail(2, 10, 0.5)).toBeCloseTo(56 / 1024, 12);
  expect(binomialTail(10, 10, 0.3)).toBeCloseTo(1, 12);
  expect(binomialTail(20, 1000, 0.05)).toBeCloseTo(7.658846376635782e-7, 15);
});

test("what is promised of early answers holds on other photos, in nine draws of ten", () => {
  const risk = 0.05;
  let broken = 0;
  let outsideShare = 0;
  let answered = 0;
  const draws = 200;
  for (let seed = 0; seed < draws; seed++) {
    const known = { inside: [honest(500, 3 * seed)], outside: [fooled(300, 3 * seed + 1)] };
    const [threshold] = safeThresholds(known, risk);
    if (threshold == null) continue;
    const fresh = differing(honest(20_000, 3 * seed + 2), threshold);
    answered += fresh.answered / 20_000;
    if (fresh.differ > risk * fresh.answered) broken += 1;
    outsideShare += differing(fooled(20_000, 100_000 + seed), threshold).differ / 20_000;
  }
  expect(answered / draws).toBeGreaterThan(0.05);
  expect(broken / draws).toBeLessThanOrEqual(0.1);
  expect(outsideShare / draws).toBeLessThanOrEqual(risk);
});

test("an exit that is sure of what it does not know answers less early than one that is not", () => {
  const inside = [honest(2000, 1)];
  const modest = { confidence: new Float64Array(300).fill(0.2), right: Array(300).fill(false) };
  const [alone] = safeThresholds({ inside, outside: [modest] }, 0.1);
  const [beside] = safeThresholds({ inside, outside: [fooled(300, 2)] }, 0.1);
  expect(beside!).toBeGreaterThan(alone!);
});

test("where nothing is proven nothing is answered early: few photos, wrong ones, too few others", () => {
  const outside = [fooled(300, 1)];
  expect(safeThresholds({ inside: [honest(20, 1, 0.99)], outside }, 0.05)).toEqual([null]);
  expect(safeThresholds({ inside: [fooled(500, 2)], outside }, 0.05)).toEqual([null]);
  expect(safeThresholds({ inside: [honest(500, 3, 0.99)], outside: [fooled(10, 4)] }, 0.05)).toEqual([null]);
});

test("a later exit is judged by what the ones before did not answer", () => {
  const first = honest(2000, 5);
  // Right about all that the first one is sure of, wrong about the rest.
  const [threshold] = safeThresholds({ inside: [first], outside: [fooled(300, 6)] }, 0.1);
  const right = Array.from(first.confidence, (sure) => sure >= threshold!);
  const second = { confidence: new Float64Array(2000).fill(0.99), right };
  const outside = [fooled(600, 7), { confidence: new Float64Array(600), right: Array(600).fill(false) }];
  expect(safeThresholds({ inside: [first, second], outside }, 0.1)[1]).toBeNull();
});

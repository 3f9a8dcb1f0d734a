import { expect, test } from "vitest";
import { type LiveAnswer, sharesOf, withAnswer } from "./live-shares.ts";

const after = (sources: readonly (readonly [exit: string, source: "edge" | "cloud" | "fallback"])[]) =>
  sources.reduce((latest: readonly LiveAnswer[], [exit, source]) => withAnswer(latest, { exit, source }), []);
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one);

test("of the latest pictures it is told who answers how many in ten", () => {
  const sources = [...times(7, ["exit1", "edge"] as const), ...times(3, ["exit4", "cloud"] as const)];
  expect(sharesOf(after(sources))).toEqual({
    exits: new Map([
      ["exit1", 7],
      ["exit4", 3],
    ]),
    here: 7,
  });
  expect(sharesOf(after(sources.slice(1)))).toBeNull();
  const later = [...sources, ...times(30, ["exit2", "fallback"] as const)];
  expect(sharesOf(after(later))).toEqual({ exits: new Map([["exit2", 10]]), here: 10 });
});

test("shares are ten together however they are rounded", () => {
  for (let one = 1; one < 29; one++) {
    for (let two = 1; one + two < 30; two++) {
      const sources = [
        ...times(one, ["exit1", "edge"] as const),
        ...times(two, ["exit2", "edge"] as const),
        ...times(30 - one - two, ["exit3", "cloud"] as const),
      ];
      const { exits, here } = sharesOf(after(sources))!;
      expect([...exits.values()].reduce((sum, share) => sum + share, 0)).toBe(10);
      for (const [at, count] of [one, two, 30 - one - two].entries()) {
        expect(Math.abs([...exits.values()][at]! - count / 3)).toBeLessThan(1);
      }
      expect(Math.abs(here - (one + two) / 3)).toBeLessThanOrEqual(0.5);
    }
  }
});

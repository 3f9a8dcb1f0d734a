import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { closedHeads } from "./closed-heads.ts";
import { countClosedHeads } from "./count-closed-heads.ts";
import { buildDag, type Dag } from "./dag.ts";
import { randomDag } from "./fixture.ts";

test("the count is the number of heads that closedHeads lists", () => {
  for (let seed = 0; seed < 400; seed++) {
    const dag = randomDag(randomFrom(seed), 2 + (seed % 14));
    const listed = [...closedHeads(dag)].length;
    expect(countClosedHeads(dag), `seed ${seed}`).toEqual({ count: listed, exact: true });
  }
});

test("far more heads than could be listed are counted exactly", () => {
  // Each of k branches of m nodes may end anywhere: (m + 1)^k heads, and the one with the last node.
  expect(countClosedHeads(branches(9, 9), 1e10)).toEqual({ count: 1e9 + 1, exact: true });
  expect(countClosedHeads(branches(20, 1))).toEqual({ count: 2 ** 20 + 1, exact: true });
});

test("above the limit the count is the limit, and says so", () => {
  expect(countClosedHeads(branches(60, 1))).toEqual({ count: 1e9, exact: false });
  const dag = branches(3, 2);
  expect(countClosedHeads(dag, 28)).toEqual({ count: 28, exact: true });
  expect(countClosedHeads(dag, 27)).toEqual({ count: 27, exact: false });
});

test("where frontiers are too many, what was counted so far is a bound from below", () => {
  // 20 nodes read by each of 20 others: all their choices stay apart.
  const names = (letter: string) => Array.from({ length: 20 }, (_, at) => `${letter}${at}`);
  const arcs: [string, string][] = names("a").flatMap((a): [string, string][] => [
    ["in", a],
    ...names("b").map((b): [string, string] => [a, b]),
  ]);
  for (const b of names("b")) arcs.push([b, "out"]);
  const { count, exact } = countClosedHeads(buildDag(["in", ...names("a"), ...names("b"), "out"], arcs));
  expect(exact).toBe(false);
  expect(count).toBeGreaterThan(1 << 16);
  expect(count).toBeLessThanOrEqual(2 ** 20 + 2 ** 20);
});

/** `in`, then branches side by side, each a chain, then `out`. */
function branches(width: number, length: number): Dag {
  const names = ["in", "out"];
  const arcs: [string, string][] = [];
  for (let branch = 0; branch < width; branch++) {
    let before = "in";
    for (let at = 0; at < length; at++) {
      const name = `${branch}.${at}`;
      names.push(name);
      arcs.push([before, name]);
      before = name;
    }
    arcs.push([before, "out"]);
  }
  return buildDag(names, arcs);
}

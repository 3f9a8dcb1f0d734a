import { expect, test } from "vitest";
import type { DemoAnswer } from "./run-demo.ts";
import { demoTable } from "./table.ts";

const answer = (change: Partial<DemoAnswer>): DemoAnswer => ({
  exit: "exit2",
  cut: ["block1/relu"],
  source: "cloud",
  correct: true,
  predictedMs: 40,
  measuredMs: 42,
  ...change,
});

test("a row tells the usual plan, medians, and what is right, in time or missing", () => {
  const answers = [
    answer({}),
    answer({ measuredMs: 44, correct: false }),
    answer({ exit: "exit1", cut: [], source: "edge", predictedMs: null, measuredMs: 61 }),
  ];
  const table = demoTable([
    { network: "Wi-Fi", budgetMs: 60, photos: 4, answers },
    { network: "none at all", budgetMs: 5, photos: 4, answers: [] },
  ]);
  expect(table.split("\n")).toEqual([
    "network      budget  exit            cut                   accuracy  predicted  measured  in budget",
    "-----------  ------  --------------  --------------------  --------  ---------  --------  ---------",
    "Wi-Fi        60 ms   exit2 (2 of 3)  block1/relu (2 of 3)  2 of 4    40.0 ms    44.0 ms   2 of 4",
    "none at all  5 ms    -               -                     0 of 4    -          -         0 of 4",
    "",
  ]);
});

import { expect, test } from "vitest";
import type { ModelSummary } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import { promiseWords } from "./promise-words.ts";

const exits = ["exit1", "exit2"].map((id) => ({ id, node: id, accuracy: 0.9 })) as ModelSummary["exits"];
const words = (change: object, prediction: object = {}): string =>
  promiseWords(
    {
      plan: { exit: "exit2", head: [] },
      load: null,
      minAccuracy: null,
      ...change,
      prediction: { totalMs: 42, expectedMs: 20, accuracy: 0.9, feasible: true, ...prediction },
    } as unknown as PlanSummary,
    exits,
  );

test("a plan says which exit and how long it takes", () => {
  expect(words({})).toBe("next: exit 2 of 2 in about 42 ms");
  expect(words({ minAccuracy: 0.85 })).toBe("next: exit 2 of 2 in about 42 ms");
  expect(words({ plan: { exit: "exit2", head: [], early: [] } })).toBe(
    "next: exit 2 of 2 in about 42 ms; 20 ms on average, since sure exits answer early",
  );
});

test("a budget that nobody keeps gets the fastest, an accuracy that no exit has the most accurate", () => {
  expect(words({}, { feasible: false })).toBe(
    "next: exit 2 of 2 in about 42 ms, which is the fastest there is",
  );
  expect(words({ minAccuracy: 0.99 }, { feasible: false })).toBe(
    "next: exit 2 of 2 in about 42 ms; a top-1 of 99 % was asked for, 90 % is the most there is now",
  );
  expect(words({ minAccuracy: 0.5 }, { feasible: false, accuracy: null })).toBe(
    "next: exit 2 of 2 in about 42 ms; a top-1 of 50 % was asked for, but no exit was measured",
  );
});

test("without knowledge, and without anything that could answer, it says so", () => {
  expect(promiseWords(null, exits)).toMatch("measuring");
  expect(words({ plan: null })).toBe("no cloud, and no weights here yet");
  expect(words({ load: { mode: "overload", sustainableFps: 12.34 } })).toMatch("at most 12 frames/s");
});

import { expect, test } from "vitest";
import type { ModelSummary } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import { nextWords } from "./next-words.ts";

const model = {
  exits: [{ id: "exit1", node: "b" }],
  nodes: [
    { name: "image", predecessors: [] },
    { name: "a", predecessors: [0] },
    { name: "b", predecessors: [1] },
  ],
} as unknown as ModelSummary;
const plans = (head: string[], change: object = {}): PlanSummary =>
  ({
    plan: { exit: "exit1", head },
    prediction: { totalMs: 400, accuracy: 0.906, feasible: true },
    sentBytes: 1800,
    minAccuracy: null,
    load: null,
    ...change,
  }) as unknown as PlanSummary;
const words = (given: PlanSummary | null): string => nextWords(given, model).replaceAll("\u00a0", " ");

test("what leaves the phone is said before it does", () => {
  expect(words(plans(["image"]))).toBe("Next photo goes to the cloud whole, 1.8 kB.");
  expect(words(plans(["image", "a"]))).toBe("Next photo sends a 1.8 kB extract, not the photo.");
  expect(words(plans(["image", "a", "b"]))).toBe("Next photo stays on your phone.");
  expect(words(plans([], { plan: null }))).toContain("Nothing can answer yet");
  expect(words(null)).toContain("Measuring");
});

test("a split that the user chose is what is said, and what is sent to compare it", () => {
  const own = { plan: { exit: "exit1", head: ["image", "a", "b"] }, sentBytes: 0 };
  const told = (chosen: PlanSummary) => nextWords(chosen, model, own).replaceAll("\u00a0", " ");
  expect(told(plans(["image", "a", "b"], { sentBytes: 0 }))).toBe("Next photo stays on your phone.");
  expect(told(plans(["image"]))).toBe(
    "Next photo stays on your phone. To compare, it also goes to the cloud whole, 1.8 kB.",
  );
});

test("what of the wish cannot be had is said too", () => {
  const late = { prediction: { totalMs: 400, accuracy: 0.906, feasible: false } };
  expect(words(plans(["image"], late))).toContain(
    "Nothing surely keeps your limit; this takes about 400 ms.",
  );
  expect(words(plans(["image"], { ...late, minAccuracy: 0.99 }))).toContain(
    "Right in 90.6 of 100 is the most there is now; 99.0 was asked for.",
  );
});

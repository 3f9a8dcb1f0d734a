import { expect, test } from "vitest";
import type { Alternative } from "#shared/planning";
import type { Answer, ModelSummary } from "../../talk/edge.ts";
import type { PlanSummary } from "../../talk/optimizer.ts";
import { whyWords } from "./why-words.ts";

const model = {
  exits: [
    { id: "exit1", node: "e1" },
    { id: "exit2", node: "e2" },
  ],
  nodes: [
    { name: "image", predecessors: [] },
    { name: "a", predecessors: [0] },
    { name: "e1", predecessors: [1] },
    { name: "b", predecessors: [1] },
    { name: "e2", predecessors: [3] },
  ],
} as unknown as ModelSummary;

const ran = (change: object): Answer =>
  ({
    source: "cloud",
    exit: "exit2",
    here: ["a"],
    there: ["b", "e2"],
    asked: [],
    requestBytes: 2700,
    plan: { exit: "exit2", head: ["image", "a"] },
    ...change,
  }) as unknown as Answer;

const way = (kind: Alternative["kind"], totalMs: number, accuracy: number): Alternative =>
  ({ kind, prediction: { totalMs, accuracy, feasible: totalMs <= 300 } }) as Alternative;

const asked = (...alternatives: Alternative[]): PlanSummary =>
  ({
    budgetMs: 300,
    minAccuracy: null,
    alternatives,
    prediction: { totalMs: 264, accuracy: 0.906 },
  }) as unknown as PlanSummary;

const words = (...given: Parameters<typeof whyWords>): string => whyWords(...given).replaceAll("\u00a0", " ");

test("who did what and what was sent, then what the whole model would have cost elsewhere", () => {
  const others = asked(
    way("all-cloud", 171, 0.901),
    way("early-edge", 205, 0.9),
    way("all-edge", 341, 0.906),
  );
  expect(words(ran({}), others, model)).toBe(
    "Your phone did 1 of 3 layers and sent 2.7 kB; the cloud did the rest. " +
      "Phone alone: 341 ms, too late. Cloud alone: 171 ms, less exact.",
  );
});

test("each way that an image may go is said as it went", () => {
  const edge = { source: "edge", there: [], requestBytes: 0 };
  expect(words(ran({ here: [], there: ["a", "b", "e2"] }), null, model)).toBe(
    "The cloud did all of it; it got the photo itself, 2.7 kB.",
  );
  expect(words(ran({ exit: "exit1", here: [], there: ["a", "e1"] }), null, model)).toBe(
    "The cloud answered early, after 1 of 3 layers; it got the photo itself, 2.7 kB.",
  );
  expect(words(ran({ exit: "exit1", here: ["a"], there: ["e1"] }), null, model)).toBe(
    "Your phone did 1 of 3 layers and sent 2.7 kB; the cloud went on and answered after layer 1.",
  );
  const whole = { ...edge, here: ["a", "b", "e2"], plan: { exit: "exit2", head: ["image", "a", "b", "e2"] } };
  expect(words(ran(whole), asked(way("all-edge", 90, 0.9), way("all-cloud", 280, 0.906)), model)).toBe(
    "Your phone did all of it; nothing was sent. Cloud alone: 280 ms, slower.",
  );
  const sure = { ...edge, exit: "exit1", here: ["a", "e1"], asked: [{ exit: "exit1" }] };
  expect(words(ran(sure), null, model)).toBe("Your phone was sure after 1 of 3 layers, so nothing was sent.");
  expect(words(ran({ ...edge, exit: "exit1", here: ["a", "e1"] }), null, model)).toBe(
    "Your phone answered early, after 1 of 3 layers; nothing was sent.",
  );
  expect(words(ran({ source: "fallback", exit: "exit1" }), null, model)).toBe(
    "The cloud did not answer in time, so your phone finished with its backup answer; 2.7 kB were sent in vain.",
  );
});

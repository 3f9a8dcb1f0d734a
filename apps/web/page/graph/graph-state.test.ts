import { expect, test } from "vitest";
import type { Plan } from "#shared/model";
import type { Answer, ModelSummary } from "../../talk/edge.ts";
import { foldModel } from "./fold.ts";
import { graphWords, stateOfAnswer, stateOfPlan } from "./graph-state.ts";

const names = [
  "image",
  "a/x",
  "a/y",
  "b/x",
  "b/y",
  "c/x",
  "c/y",
  "d/x",
  "d/y",
  "e/x",
  "e/y",
  "f/x",
  "f/y",
  "out",
];
const model = {
  exits: [{ id: "full", node: "out", accuracy: 0.9 }],
  nodes: names.map((name, at) => ({ name, predecessors: at === 0 ? [] : [at - 1] })),
} as unknown as ModelSummary;
const blocks = foldModel(model);
const facts = names.map((name, at) => ({
  name,
  shape: [1],
  edgeMs: 2,
  cloudMs: 1,
  sentBytes: 100 * at,
  codecs: [],
}));
const plan = (head: string[], change: Partial<Plan> = {}): Plan => ({ exit: "full", head, ...change });
const state = (of: Plan, bytes = 1800) => stateOfPlan(of, bytes, model, blocks, facts);
const words = (...given: Parameters<typeof state>) => graphWords(state(...given)).replaceAll("\u00a0", " ");

test("each block is where its nodes run, and the cut lies between", () => {
  const { blocks: drawn, cut, imageBytes } = state(plan(["image", "a/x", "a/y", "b/x", "b/y"]));
  expect(drawn.slice(0, 2).map(({ place }) => place)).toEqual(["phone", "phone"]);
  expect(drawn.slice(2).every(({ place }) => place === "cloud")).toBe(true);
  expect([cut, imageBytes]).toEqual([2, 0]);
  expect(drawn[0]).toMatchObject({ phoneMs: 4, cloudMs: 2, bytes: 200 });
});

test("a cut through a block shares it", () => {
  const { blocks: drawn, cut } = state(plan(["image", "a/x"]));
  expect(drawn[0]).toMatchObject({ place: "phone", share: 0.5 });
  expect(cut).toBe(0.5);
});

test("a sentence tells all of it", () => {
  expect(words(plan(["image"]))).toBe("All blocks run in the cloud, which gets the photo, 1.8 kB.");
  expect(words(plan(names), 0)).toBe(`Blocks 1 to ${blocks.length} run on your phone; nothing is sent.`);
  expect(words(plan(["image", "a/x", "a/y", "b/x"], { insurance: { exit: "full" } }))).toContain(
    "Blocks 1 to 1 and a part of block 2 run on your phone, 1.8 kB are sent",
  );
});

test("of an answer what ran is drawn, not what was planned", () => {
  const answer = {
    here: names.slice(1),
    there: [],
    exit: "full",
    requestBytes: 900,
    source: "fallback",
    plan: plan(["image"]),
  } as unknown as Answer;
  const { cut, cutBytes, blocks: drawn } = stateOfAnswer(answer, blocks, facts);
  expect([cut, cutBytes]).toEqual([null, 0]);
  expect(drawn.every(({ place }) => place === "phone")).toBe(true);
});

import { expect, test } from "vitest";
import { openVisit } from "./open-visit.ts";

const planning = {
  format: 1,
  model: "tiny",
  version: "v",
  planner: "eddi",
  imageCodecs: [],
  profiles: [],
  ready: [],
  plans: [],
  decisions: [],
};
const stages = Object.fromEntries(
  "image wait head encode uplink rtt queue cloud downlink lost finish other"
    .split(" ")
    .map((name) => [`${name}Ms`, 1]),
);
const answer = {
  atMs: 1,
  totalMs: 12,
  budgetMs: 300,
  requestBytes: 0,
  here: ["a"],
  there: [],
  stages,
  source: "edge",
  exit: "exit1",
  plan: { exit: "exit1", head: ["image", "a"] },
  prediction: null,
};
const visit = { format: "eddi-visit", settings: "?model=tiny", device: null, answers: [answer], planning };
const opened = (change: object) => openVisit(JSON.stringify({ ...visit, ...change }));

test("a visit's file is read as it was saved", () => {
  expect(opened({})).toMatchObject(visit);
  expect(opened({ answers: [] }).answers).toEqual([]);
});

test.each([
  [{ format: "other" }, "file: expected a visit as the page saves it, got format other"],
  [{ planning: { ...planning, planner: "best" } }, "planner: expected one of eddi"],
  [{ answers: {} }, "got answers that are no list"],
  [{ answers: [answer, null] }, "file: answers[1].atMs: expected a number, got undefined"],
  [{ answers: [{ ...answer, totalMs: "12" }] }, "file: answers[0].totalMs: expected a number, got 12"],
  [
    { answers: [{ ...answer, stages: {} }] },
    "answers[0].stages.imageMs: expected milliseconds, got undefined",
  ],
  [
    { answers: [{ ...answer, source: "x" }] },
    "answers[0].source: expected one of edge, cloud, fallback, got x",
  ],
  [
    { answers: [{ ...answer, prediction: { totalMs: 1 } }] },
    "answers[0].prediction: expected milliseconds, got",
  ],
])("what is none is told with what was expected: %o", (change, message) => {
  expect(() => opened(change)).toThrow(message);
});

test("what is no JSON is told", () => {
  expect(() => openVisit("a,b\n")).toThrow("file: expected a visit as the page saves it, got no JSON");
});

import { expect, test } from "vitest";
import type { ModelSummary } from "../../talk/edge.ts";
import { answeredWords, verdictWords } from "./compared-words.ts";

const model = {
  exits: [{ id: "last", node: "b" }],
  nodes: [
    { name: "image", predecessors: [] },
    { name: "a", predecessors: [0] },
    { name: "b", predecessors: [1] },
  ],
} as unknown as ModelSummary;
const own = {
  source: "cloud" as const,
  exit: "last",
  plan: { exit: "last", head: ["image", "a"] },
  requestBytes: 1800,
  label: "tench, Tinca tinca",
  confidence: 0.96,
  totalMs: 200,
};
const chosen = { ...own, plan: { exit: "last", head: ["image"] }, requestBytes: 7900, totalMs: 155 };

test("says which way a photo went, what was sent, and what came of it", () => {
  expect(answeredWords(own, model)).toBe("Phone, then cloud, 1.8\u00a0kB sent: tench, 96\u00a0% sure");
  const here = {
    ...own,
    source: "edge" as const,
    plan: { exit: "last", head: ["image", "a", "b"] },
    requestBytes: 0,
    confidence: Number.NaN,
  };
  expect(answeredWords(here, model)).toBe("All on the phone, nothing sent: tench");
  expect(answeredWords({ ...here, exit: "exit1" }, model)).toBe("Phone, early answer, nothing sent: tench");
});

test("says how the user's way compares with the one that was chosen", () => {
  expect(verdictWords(own, chosen)).toBe(
    "The same answer. Yours took 45\u00a0ms more and sent 6.1\u00a0kB less.",
  );
  expect(verdictWords(own, { ...own, label: "goldfish" })).toBe(
    "Another answer. Yours took as long and sent as much.",
  );
});

import { expect, test } from "vitest";
import { parseCodec } from "#shared/model";
import type { ModelSummary, WhatRan } from "../../talk/edge.ts";
import { askedOf, pathOf } from "./ran-words.ts";

const model = {
  exits: [
    { id: "exit1", node: "a", accuracy: 0.844 },
    { id: "exit2", node: "b", accuracy: null, agreement: 0.93 },
  ],
  nodes: [{ name: "image", predecessors: [] }],
} as unknown as ModelSummary;
const ran: Omit<WhatRan, "stages"> = {
  exit: "exit1",
  source: "edge",
  reason: null,
  here: ["a"],
  there: [],
  asked: [],
  cut: [],
  codecs: {},
  requestBytes: 0,
  replyBytes: 0,
  transport: null,
  worksTwice: false,
  totalMs: 9,
  prediction: null,
  simulated: null,
};
const words = (change: Partial<WhatRan>): string => pathOf({ ...ran, ...change } as WhatRan, model);
const sent = {
  cut: ["block/add"],
  codecs: { "block/add": parseCodec("uint4+deflate")! },
  requestBytes: 1316,
};

test("what happened is said as it happened", () => {
  expect(words({})).toBe("exit 1 of 2 (right in 84.4 of 100) · all on this device · nothing sent");
  expect(words({ ...sent, exit: "exit2", source: "cloud" })).toBe(
    "exit 2 of 2 (as the whole model in 93.0 of 100) · cut after block/add · uint4 + deflate, 1.3\u00a0kB sent",
  );
  expect(words({ ...sent, source: "cloud", cut: ["image"], codecs: {} })).toBe(
    "exit 1 of 2 (right in 84.4 of 100) · all in the cloud · 1.3\u00a0kB sent",
  );
});

test("a fallback is the edge's, and what was sent was sent in vain", () => {
  expect(words({ ...sent, source: "fallback" })).toBe(
    "exit 1 of 2 (right in 84.4 of 100) · finished on this device · uint4 + deflate, 1.3\u00a0kB sent in vain",
  );
});

test("exits that were asked tell how sure they were", () => {
  const asked = [
    { exit: "exit1", confidence: 0.62, threshold: 0.9 },
    { exit: "exit2", confidence: 0.97, threshold: 0.9 },
  ];
  expect(askedOf({ ...ran, asked } as unknown as WhatRan)).toBe(
    "exit1 was not sure: 0.62 of 0.90 · exit2 was sure: 0.97",
  );
});

import { expect, test } from "vitest";
import type { Imagined } from "../../client/index.ts";
import type { ModelSummary } from "../../talk/edge.ts";
import { imaginedWords, networkAt, queueWords, slowerWords, triedWords } from "./imagined-words.ts";

const model = {
  exits: [{ id: "last", node: "b" }],
  nodes: [
    { name: "image", predecessors: [] },
    { name: "a", predecessors: [0] },
    { name: "b", predecessors: [1] },
  ],
} as unknown as ModelSummary;

const would = (head: readonly string[], sentBytes: number, totalMs: number): Imagined =>
  ({
    budgetMs: 300,
    plan: { exit: "last", head },
    prediction: { totalMs, accuracy: 0.906 },
    sentBytes,
  }) as unknown as Imagined;

const at = (uplinkBps: number) => ({ uplinkBps, rttMs: 60, queueMs: 0, slower: 1 });

test("says where, what, how much and how well", () => {
  expect(imaginedWords(would(["image"], 7900, 171), at(5.85e6), model)).toBe(
    "On 4G: all in the cloud, 7.9\u00a0kB sent, right in 90.6 of 100.",
  );
  expect(imaginedWords(would(["image", "a"], 1800, 318), at(0.5e6), model)).toBe(
    "At 0.50\u00a0Mbit/s: phone, then cloud, 1.8\u00a0kB sent, right in 90.6 of 100, 18\u00a0ms too late.",
  );
  expect(imaginedWords(would(["image", "a", "b"], 0, 240), at(0.13e6), model)).toBe(
    "On CAT1: all on the phone, nothing sent, right in 90.6 of 100.",
  );
});

test("where nothing can answer, it says so", () => {
  const none = { ...would([], 0, 0), plan: null, prediction: null };
  expect(imaginedWords(none, at(1.1e6), model)).toBe("On 3G: nothing could answer yet.");
});

test("a network is named only where an upload is like its own", () => {
  expect([5.85e6, 5.7e6, 5e6, 18.88e6].map(networkAt)).toEqual(["4G", "4G", null, "Wi-Fi"]);
});

test("what is tried is named in a few words", () => {
  expect(triedWords({ ...at(0.13e6), slower: 1 })).toBe("CAT1");
  expect(triedWords({ uplinkBps: 2e6, rttMs: 90, queueMs: 120, slower: 2 })).toBe(
    "2.0\u00a0Mbit/s, 90\u00a0ms there and back, cloud 120\u00a0ms of waiting, phone 2.0 times slower",
  );
});

test("cloud and phone in words", () => {
  expect([0, 120].map(queueWords)).toEqual(["idle", "120\u00a0ms of waiting"]);
  expect([1, 2, 0.5].map(slowerWords)).toEqual(["as it is", "2.0 times slower", "2.0 times as fast"]);
});

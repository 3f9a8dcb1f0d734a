import { expect, test } from "vitest";
import { DEAD_LINK_MS, deadlineMs, localExit } from "./deadline.ts";
import type { Prediction } from "./planning.ts";

const predicted = (totalMs: number, sdMs = 0): Prediction =>
  ({ latency: { totalMs, edgeMs: 0 }, sdMs, totalMs, imageMs: 0, feasible: true }) as Prediction;
const finish = [
  { exit: "exit-1", finishMs: 20, latestMs: 24 },
  { exit: "exit-2", finishMs: 60, latestMs: 72 },
  { exit: "exit-3", finishMs: 150, latestMs: 180 },
];

test("the edge starts to finish when there is just time for the best exit that leaves the cloud its time", () => {
  expect(deadlineMs(300, 0, predicted(100), finish)).toBe(150);
  expect(deadlineMs(200, 0, predicted(100), finish)).toBe(140);
  expect(deadlineMs(130, 0, predicted(100), finish)).toBe(110);
});

test("it never starts before the reply is late", () => {
  expect(deadlineMs(110, 0, predicted(100), finish)).toBe(100);
  expect(deadlineMs(110, 0, predicted(100, 10), finish)).toBeCloseTo(116.45);
  expect(deadlineMs(10, 0, predicted(100, 1000), finish)).toBe(300);
});

test("a head that ran late leaves the cloud its time all the same", () => {
  const prediction = { ...predicted(100), latency: { totalMs: 100, edgeMs: 90 } } as Prediction;
  expect(deadlineMs(110, 150, prediction, finish)).toBe(160);
});

test("a dead link is given up after ten seconds, however long the budget", () => {
  expect(deadlineMs(60_000, 0, predicted(100), finish)).toBe(DEAD_LINK_MS);
  expect(deadlineMs(60_000, 0, predicted(20_000), finish)).toBe(20_000);
  expect(deadlineMs(100, 0, null, finish)).toBe(DEAD_LINK_MS);
  expect(deadlineMs(60_000, 0, null, [])).toBe(60_000);
});

test("without a local exit the cloud has the whole budget", () => {
  expect(deadlineMs(300, 0, predicted(100), [])).toBe(300);
});

test("the local exit is the best one in time, else the fastest", () => {
  expect(localExit(finish, 100)?.exit).toBe("exit-2");
  expect(localExit(finish, Number.POSITIVE_INFINITY)?.exit).toBe("exit-3");
  expect(localExit(finish, -5)?.exit).toBe("exit-1");
  expect(localExit([], 100)).toBeNull();
});

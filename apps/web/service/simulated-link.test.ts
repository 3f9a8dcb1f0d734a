import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SimulatedLink } from "./simulated-link.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A byte takes a millisecond. */
const SLOW = { rttMs: 100, uplinkBps: 8000, queueMs: 20, slowdown: 1 };

/** When a hold ends, in milliseconds from now. */
async function endOf(held: Promise<void>): Promise<number> {
  const start = performance.now();
  const end = held.then(() => performance.now() - start);
  await vi.advanceTimersByTimeAsync(10_000);
  return end;
}

test("a reply is held for the round trip, its bytes and the cloud's time, as far as it is too early", async () => {
  const link = new SimulatedLink();
  expect(await endOf(link.send(50)(30))).toBe(0);
  link.simulate(SLOW);
  expect(await endOf(link.send(50)(30))).toBe(180);
  const hold = link.send(50);
  await vi.advanceTimersByTimeAsync(150);
  expect(await endOf(hold(30))).toBe(30);
  const late = link.send(50);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await endOf(late(30))).toBe(0);
});

test("what is sent at once shares the uplink, and what is given up leaves it", async () => {
  const link = new SimulatedLink();
  link.simulate(SLOW);
  link.send(50);
  expect(await endOf(link.send(50)(0))).toBe(200);
  const giveUp = new AbortController();
  const given = link.send(5000, giveUp.signal)(0);
  const failed = expect(given).rejects.toBe("given up");
  giveUp.abort("given up");
  await failed;
  expect(await endOf(link.send(50)(0))).toBe(150);
});

test("what is held is let go when something else is simulated", async () => {
  const link = new SimulatedLink();
  link.simulate(SLOW);
  const held = link.send(5000)(0);
  const started = link.send(5000);
  link.simulate(null);
  expect(await endOf(held)).toBe(0);
  expect(await endOf(started(0))).toBe(0);
});

test("a queue is as the service tells it, or as it is simulated where that is longer", () => {
  const link = new SimulatedLink();
  expect(link.queueMs(5)).toBe(5);
  link.simulate(SLOW);
  expect([5, 50].map((told) => link.queueMs(told))).toEqual([20, 50]);
});

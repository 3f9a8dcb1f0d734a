import { effect, signal } from "@preact/signals";
import { expect, test } from "vitest";
import { later } from "./later.ts";

const aTask = (): Promise<unknown> => new Promise((done) => setTimeout(done, 5));

test("what is worked out follows its signals a task later, once for all that have changed", async () => {
  const [a, b] = [signal(1), signal(10)];
  let calls = 0;
  const sum = later(() => {
    calls++;
    return a.value + b.value;
  }, 0);
  const seen: number[] = [];
  effect(() => void seen.push(sum.value));
  expect([sum.value, calls]).toEqual([0, 0]);
  await aTask();
  expect([sum.value, calls]).toEqual([11, 1]);

  a.value = 2;
  b.value = 20;
  await Promise.resolve();
  expect([sum.value, calls]).toEqual([11, 1]);
  await aTask();
  expect([sum.value, calls]).toEqual([22, 2]);

  await aTask();
  expect(calls).toBe(2);
  b.value = 30;
  await aTask();
  expect(seen).toEqual([0, 11, 22, 32]);
});

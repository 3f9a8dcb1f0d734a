import { expect, test } from "vitest";
import { randomFor, randomFrom, shuffled } from "./random.ts";

test("a key gives the same stream again, another key another", () => {
  const first = (...key: number[]): number[] => {
    const random = randomFor(...key);
    return [random(), random(), random()];
  };
  expect(first(1, 2, 3)).toEqual(first(1, 2, 3));
  const seen = new Set<number>();
  for (let a = 0; a < 10; a++) for (let b = 0; b < 100; b++) seen.add(first(a, b)[0] as number);
  expect(seen.size).toBe(1000);
});

test("numbers are in 0..1 and even over it", () => {
  const random = randomFor(7);
  const tenths = new Array(10).fill(0);
  for (let i = 0; i < 10_000; i++) tenths[Math.floor(random() * 10)]++;
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
  // First numbers of neighbouring keys are as good as one stream.
  let sum = 0;
  for (let key = 0; key < 10_000; key++) sum += randomFor(1, 5, key)();
  expect(Math.abs(sum / 10_000 - 0.5)).toBeLessThan(0.02);
});

test("an order holds every index once", () => {
  const order = shuffled(1000, randomFor(3));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  expect([...order]).not.toEqual([...order].sort((a, b) => a - b));
});

test("a seed gives mulberry32's numbers, as the population's recipe writes them down", () => {
  // Of `s = (s + 0x6D2B79F5) mod 2^32; t = imul(s ^ s>>>15, s | 1); ...`, in arithmetic of any length.
  const imul = (a: bigint, b: bigint): bigint => (a * b) & 0xffffffffn;
  for (const seed of [0, 1, 42, 0xffffffff]) {
    const random = randomFrom(seed);
    let s = BigInt(seed);
    for (let draw = 0; draw < 100; draw++) {
      s = (s + 0x6d2b79f5n) & 0xffffffffn;
      let t = imul(s ^ (s >> 15n), s | 1n);
      t = ((t + imul(t ^ (t >> 7n), t | 61n)) & 0xffffffffn) ^ t;
      expect(random()).toBe(Number(t ^ (t >> 14n)) / 2 ** 32);
    }
  }
  expect(randomFrom(-1)()).toBe(randomFrom(0xffffffff)());
});

test("streams by key are those that the models were trained with", () => {
  const random = randomFor(1, 5, 9);
  expect([random(), random(), random()]).toEqual([
    0.9662276674062014, 0.8169498327188194, 0.3409827605355531,
  ]);
});

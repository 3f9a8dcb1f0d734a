import { describe, expect, test } from "vitest";
import { TailTimes } from "../tails/tail-times.ts";
import { type Circumstances, formBatch, type Waiting } from "./form-batch.ts";

const gains = (): TailTimes => new TailTimes({ fixedMs: 9, perImageMs: 1 });
const gainsNothing = (): TailTimes => new TailTimes({ fixedMs: 0.05, perImageMs: 10 });

const waiting = (count: number, change: Partial<Waiting> = {}): Waiting[] =>
  Array.from({ length: count }, () => ({
    kind: "a",
    images: 1,
    finishBy: Number.POSITIVE_INFINITY,
    arrivedMs: 0,
    ...change,
  }));

const form = (queue: readonly Waiting[], change: Partial<Circumstances> = {}) =>
  formBatch(queue, { times: gains(), idleWorkers: 1, maxImages: 8, maxMs: 1000, nowMs: 0, ...change });

describe("a batch", () => {
  test("takes along jobs of its kind, up to its bound of images", () => {
    const queue = [...waiting(2), ...waiting(3, { kind: "b" }), ...waiting(20)];
    const { jobs } = form(queue);
    expect(jobs).toHaveLength(8);
    expect(jobs.every(({ kind }) => kind === "a")).toBe(true);
    expect(jobs[0]).toBe(queue[0]);
    const { jobs: pairs } = form(waiting(20, { images: 3 }));
    expect(pairs).toHaveLength(2);
  });

  test("is one job where it saves nothing", () => {
    expect(form(waiting(10), { times: gainsNothing() }).jobs).toHaveLength(1);
  });

  test("takes no longer than a batch may", () => {
    expect(form(waiting(8), { maxMs: 13 }).jobs).toHaveLength(4);
    expect(form(waiting(8), { maxMs: 1 }).jobs).toHaveLength(1);
  });

  test("leaves jobs to other workers that are idle", () => {
    expect(form(waiting(3), { idleWorkers: 3 }).jobs).toHaveLength(1);
    expect(form(waiting(5), { idleWorkers: 3 }).jobs).toHaveLength(3);
  });

  test("makes nobody late", () => {
    // 9 + n ms: at most 3 images in 12 ms.
    const queue = [...waiting(1, { finishBy: 12 }), ...waiting(5)];
    expect(form(queue).jobs).toHaveLength(3);
    const hurried = [...waiting(3), ...waiting(1, { finishBy: 12 }), ...waiting(1)];
    const { jobs } = form(hurried);
    expect(jobs).toHaveLength(4);
    expect(jobs).not.toContain(hurried[3]);
  });
});

describe("waiting for more", () => {
  const busy = (gapMs: number, times = gains()): TailTimes => {
    for (let at = 20; at >= 0; at--) times.arrive(-at * gapMs);
    return times;
  };

  test("is done while the next arrival is expected within what it is worth", () => {
    expect(form(waiting(1), { times: busy(2) }).holdUntil).toBe(4);
    expect(form(waiting(1), { times: busy(6) }).holdUntil).toBe(0);
    expect(form(waiting(1)).holdUntil).toBe(0);
  });

  test("is worth less, the more wait already", () => {
    const holds = [1, 2, 3, 4].map((count) => form(waiting(count), { times: busy(0.5) }).holdUntil);
    expect(holds).toEqual([4, 7 / 3, 1.5, 1]);
    expect(form(waiting(5), { times: busy(0.5) }).holdUntil).toBe(0);
  });

  test("ends when a deadline would be missed, and is never done beside another idle worker", () => {
    expect(form(waiting(1, { finishBy: 13 }), { times: busy(1) }).holdUntil).toBe(2);
    expect(form(waiting(1), { times: busy(2), idleWorkers: 2 }).holdUntil).toBe(0);
    expect(form(waiting(1, { arrivedMs: -10 }), { times: busy(2) }).holdUntil).toBeLessThanOrEqual(0);
  });

  test("is not done where a batch saves nothing", () => {
    expect(form(waiting(1), { times: busy(1, gainsNothing()) }).holdUntil).toBe(0);
  });
});

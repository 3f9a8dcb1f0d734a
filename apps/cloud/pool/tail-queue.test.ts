import { describe, expect, test } from "vitest";
import { TailTimes } from "../tails/tail-times.ts";
import { type Group, simulate } from "./fair-share-fixture.ts";
import { type Queued, TailQueue } from "./tail-queue.ts";

/** What a run takes on the engines there are: nothing fixed on WASM, most of it on a GPU. */
const ENGINES = {
  wasm: { fixedMs: 0, perImageMs: 87 },
  "wasm, a short tail": { fixedMs: 0.5, perImageMs: 26 },
  native: { fixedMs: 9, perImageMs: 1.3 },
  "native, a slow machine": { fixedMs: 13, perImageMs: 14.8 },
  gpu: { fixedMs: 5, perImageMs: 0.3 },
} as const;
const SECONDS = 20;
const LEAST = 0.45;

const group = (change: Partial<Group>): Group => ({
  client: "ada",
  model: "net",
  connections: 4,
  images: 1,
  pauseMs: 2,
  ...ENGINES.native,
  ...change,
});
const cases = Object.entries(ENGINES).flatMap(([engine, line]) =>
  [1, 2, 4].map((workers) => ({ engine, line, workers })),
);

describe.each(cases)("on $engine with $workers workers", ({ line, workers }) => {
  const shares = (one: Partial<Group>, other: Partial<Group>): number[] => {
    // Enough of them that each could keep half of the workers busy.
    const shared = { ...line, connections: Math.max(4, 2 * workers) };
    const groups = [one, other].map((change) => group({ ...shared, ...change }));
    return simulate(groups, workers, SECONDS).outcomes.map(({ share }) => share);
  };
  const expectFair = (found: readonly number[]) => expect(Math.min(...found)).toBeGreaterThanOrEqual(LEAST);

  test("each of two clients has its share, whatever the other sends", () => {
    expectFair(shares({}, { client: "bob", images: 32 }));
    expectFair(shares({}, { client: "bob", images: 32, connections: workers }));
    expectFair(shares({}, { client: "bob", connections: 64 }));
    expectFair(shares({}, { client: "bob", images: 32, connections: 64 }));
    expectFair(shares({ images: 32 }, { client: "bob", images: 7, connections: 9 }));
  });

  test("so have those who share an address, by connection", () => {
    expectFair(shares({}, { images: 32 }));
  });

  test("so has each of two models, of one client or of two, whatever one run of the other takes", () => {
    const heavy = { model: "heavy", fixedMs: 5 * line.fixedMs, perImageMs: 5 * line.perImageMs };
    for (const client of ["ada", "bob"]) {
      expectFair(shares({}, { ...heavy, client }));
      expectFair(shares({}, { ...heavy, client, images: 32 }));
      expectFair(shares({}, { ...heavy, client, connections: 32 }));
    }
  });
});

describe("batches", () => {
  test("still form of what comes from many", () => {
    const of = (client: string) => group({ client, connections: 16 });
    const { batch, outcomes } = simulate([of("ada"), of("bob")], 1, SECONDS);
    expect(batch).toBeGreaterThan(12);
    expect(Math.min(...outcomes.map(({ share }) => share))).toBeGreaterThanOrEqual(LEAST);
    const many = Array.from({ length: 30 }, (_, at) => group({ client: `${at}`, connections: 2 }));
    expect(simulate(many, 1, SECONDS).batch).toBeGreaterThan(25);
  });

  test("are whole where nobody else asks, or hardly", () => {
    const whole = 32 / (9 + 32 * 1.3);
    const heavy = group({ images: 32 });
    const alone = simulate([heavy], 1, SECONDS);
    expect(alone.outcomes[0]!.imagesPerSecond).toBeGreaterThan(0.9 * 1000 * whole);
    const rare = group({ client: "bob", connections: 1, pauseMs: 300 });
    const beside = simulate([heavy, rare], 1, SECONDS);
    expect(beside.outcomes[0]!.imagesPerSecond).toBeGreaterThan(0.8 * 1000 * whole);
    // Two runs, and its own.
    expect(beside.outcomes[1]!.medianMs).toBeLessThan(130);
  });

  test("are found out where the warm-up said that they save nothing", () => {
    const believed = { fixedMs: 0, perImageMs: 10.3 };
    const many = group({ connections: 16, believed });
    expect(simulate([many], 1, SECONDS).batch).toBeGreaterThan(6);
    const large = group({ images: 32, believed });
    expect(simulate([large], 1, SECONDS).batch).toBeGreaterThan(20);
    const shared = simulate([many, { ...large, client: "bob" }], 1, SECONDS);
    expect(shared.batch).toBeGreaterThan(6);
    expect(Math.min(...shared.outcomes.map(({ share }) => share))).toBeGreaterThanOrEqual(LEAST);
  });

  test("are hardly ever tried where they do save nothing", () => {
    const { batch } = simulate([group({ ...ENGINES.wasm, connections: 16, client: "ada" })], 1, 10 * SECONDS);
    expect(batch).toBeGreaterThan(1);
    expect(batch).toBeLessThan(1.2);
  });

  test("keep the workers busy", () => {
    for (const workers of [1, 2, 4]) {
      const groups = [group({}), group({ client: "bob", images: 32 })];
      expect(simulate(groups, workers, SECONDS).busy).toBeGreaterThan(0.9);
    }
  });
});

test("many clients have the same each, and a large one no more than they", () => {
  const light = Array.from({ length: 9 }, (_, at) => group({ client: `${at}`, connections: 2 }));
  const { outcomes } = simulate([...light, group({ client: "bob", images: 32 })], 2, SECONDS);
  for (const { share } of outcomes) expect(Math.abs(share - 0.1)).toBeLessThan(0.02);
});

describe("a queue", () => {
  const times = new TailTimes({ fixedMs: 0, perImageMs: 10 });
  const job = (client: string, line: number, change: Partial<Queued> = {}): Queued => {
    const { images = 1 } = change;
    return {
      kind: "a",
      images,
      finishBy: Number.POSITIVE_INFINITY,
      arrivedMs: 0,
      who: [client, "net", line],
      bytes: 100 * images,
      workMs: 10 * images,
      ...change,
    };
  };
  const offer = (queue: TailQueue<Queued>) => queue.offer({ times, maxImages: 32, maxMs: 1_000, nowMs: 0 });
  /** Runs what is offered, until nothing waits. */
  const order = (queue: TailQueue<Queued>): Queued[] => {
    const jobs: Queued[] = [];
    for (let offered = offer(queue); offered.length > 0; offered = offer(queue)) {
      const [portion] = offered;
      queue.begin([portion!], 10 * portion!.images, 0).end(10 * portion!.images, 0);
      jobs.push(portion!.job);
    }
    return jobs;
  };

  test("is first come, first served, for equals who have nothing else to wait for", () => {
    const queue = new TailQueue<Queued>();
    const jobs = Array.from({ length: 20 }, (_, at) => job("ada", at));
    for (const one of jobs) queue.push(one, 0);
    expect(queue.aheadMs(["ada", "net", 99])).toBeCloseTo(200, 6);
    expect(order(queue)).toEqual(jobs);
  });

  test("tells one who comes what is ahead of him, not what waits", () => {
    const queue = new TailQueue<Queued>();
    for (let at = 0; at < 100; at++) queue.push(job("bob", at), 0);
    expect(queue.workMs).toBeCloseTo(1000, 6);
    expect(queue.aheadMs(["bob", "net", 100])).toBeCloseTo(1000, 6);
    const aheadMs = queue.aheadMs(["ada", "net", 0]);
    expect(aheadMs).toBeLessThan(50);
    const own = job("ada", 0);
    queue.push(own, 0);
    const before = order(queue).indexOf(own);
    expect(Math.abs(10 * before - aheadMs)).toBeLessThanOrEqual(20);
  });

  test("gives a large job its turns in parts, which are all of it", () => {
    const queue = new TailQueue<Queued>();
    const large = job("bob", 0, { images: 32 });
    queue.push(large, 0);
    for (let at = 0; at < 8; at++) queue.push(job("ada", at), 0);
    const seen: number[] = [];
    for (let offered = offer(queue); offered.length > 0; offered = offer(queue)) {
      const [{ job: first, from, images }] = offered as [(typeof offered)[0]];
      if (first === large) for (let at = 0; at < images; at++) seen.push(from + at);
      queue.begin(offered.slice(0, 1), 10 * images, 0).end(10 * images, 0);
    }
    expect(seen).toEqual(Array.from({ length: 32 }, (_, at) => at));
    expect([queue.size, queue.bytes, queue.workMs]).toEqual([0, 0, 0]);
  });

  test("takes a job whole where nobody else waits", () => {
    const queue = new TailQueue<Queued>();
    queue.push(job("bob", 0, { images: 32 }), 0);
    expect(offer(queue)).toMatchObject([{ from: 0, images: 32 }]);
  });

  test("knows whose tensors fill it, and leaves to each what he has up to the largest", () => {
    const queue = new TailQueue<Queued>();
    const jobs = [job("bob", 0), job("bob", 1), job("ada", 2), job("bob", 3)];
    for (const one of jobs) queue.push(one, 0);
    expect(queue.heaviest("ada", 100)).toBe(jobs[3]);
    expect(queue.heaviest("ada", 200)).toBeUndefined();
    expect(queue.heaviest("bob", 100)).toBeUndefined();
    expect(queue.remove(jobs[3]!, 0)).toBe(true);
    expect(queue.remove(jobs[3]!, 0)).toBe(false);
    expect(queue.heaviest("cid", 100)).toBe(jobs[1]);
  });

  test("owes nothing to those who did not ask", () => {
    const queue = new TailQueue<Queued>();
    const early = job("ada", 0);
    queue.push(early, 0);
    order(queue);
    // Ten seconds of work of another, in which the first asks for nothing.
    for (let at = 0; at < 1000; at++) {
      queue.push(job("bob", 0), 10 * at);
      const [portion] = queue.offer({ times, maxImages: 32, maxMs: 1_000, nowMs: 10 * at });
      queue.begin([portion!], 10, 10 * at).end(10, 10 * at + 10);
    }
    for (let at = 0; at < 500; at++) queue.push(job("ada", 0), 10_000);
    const other = job("bob", 0);
    queue.push(other, 10_000);
    expect(order(queue).indexOf(other)).toBeLessThan(110);
  });
});

import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { gammaGap } from "../chance/gaps.ts";
import { drawAt } from "../chance/seeds.ts";
import { Series } from "../chance/series.ts";
import { Clock } from "./clock.ts";
import { Cloud, type CloudSettings, type Served } from "./cloud.ts";
import { Edge, type EdgeSettings } from "./edge.ts";
import { type LinkSettings, WorldLink } from "./link.ts";
import { rttOver } from "./rtt.ts";

test("what is due happens in the order of its time, and of its asking where that is the same", () => {
  const random = randomFrom(3);
  const clock = new Clock();
  const seen: { readonly dueMs: number; readonly nowMs: number; readonly order: number }[] = [];
  let order = 0;
  const ask = (dueMs: number): void => {
    const mine = order++;
    clock.at(dueMs, () => {
      seen.push({ dueMs, nowMs: clock.now, order: mine });
      // What happens asks for more, at once or later.
      if (seen.length < 2000 && random() < 0.6) ask(clock.now + Math.floor(5 * random()));
    });
  };
  for (let at = 0; at < 500; at++) ask(Math.floor(200 * random()));
  clock.run();
  expect(seen.length).toBe(order);
  for (const [at, { dueMs, nowMs, order: mine }] of seen.entries()) {
    expect(nowMs).toBe(dueMs);
    const before = seen[at - 1];
    if (before === undefined) continue;
    expect(before.nowMs).toBeLessThanOrEqual(nowMs);
    if (before.nowMs === nowMs) expect(before.order).toBeLessThan(mine);
  }
});

test("draws by key are uniform, and a series has its mean, spread and correlation", () => {
  const draws = Array.from({ length: 20_000 }, (_, key) => drawAt(7, key));
  for (const share of [0.1, 0.5, 0.9]) {
    expect(draws.filter((draw) => draw < share).length / draws.length).toBeCloseTo(share, 1.7);
  }
  const series = new Series(5, 100, 0.7);
  const values = Array.from({ length: 20_000 }, (_, step) => series.at(100 * step + 30));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const products = (lag: number): number =>
    values.slice(lag).reduce((sum, value, at) => sum + value * values[at]!, 0) / (values.length - lag);
  expect(mean).toBeCloseTo(0, 1);
  expect(products(0)).toBeCloseTo(1, 1);
  expect(products(1)).toBeCloseTo(0.7, 1);
  // Whoever asks in another order gets the same.
  const again = new Series(5, 100, 0.7);
  expect([again.at(50_000), again.at(10)]).toEqual([series.at(50_000), series.at(10)]);
});

test.each([0.5, 1, 2, 4])("gaps of coefficient of variation %d have mean 1 and that spread", (cv) => {
  const random = randomFrom(11);
  const gaps = Array.from({ length: 60_000 }, () => gammaGap(random, cv));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
  expect(Math.abs(mean - 1)).toBeLessThan(0.06);
  expect(Math.abs(Math.sqrt(variance) / cv - 1)).toBeLessThan(0.08);
});

const quiet: LinkSettings = {
  uplink: 8e6,
  downlink: 16e6,
  rtt: { kind: "constant", rttMs: 40 },
  jitter: 0,
  wake: null,
  drx: null,
  slowStart: false,
  bufferBytes: 0,
};

test("on a quiet link a request takes its bytes and a round trip", () => {
  const link = new WorldLink(quiet, 1);
  const sending = link.send(1000, 10_000, "image");
  expect(sending.leftMs).toBeCloseTo(1010, 6);
  expect(sending.arrivesMs).toBeCloseTo(1030, 6);
  expect(link.reply(1050, 2000, sending)).toBeCloseTo(1071, 6);
});

test("what is sent goes one after the other, and never faster than the link carries", () => {
  const random = randomFrom(2);
  const uplink = [
    { durationMs: 300, bps: 4e6 },
    { durationMs: 200, bps: 0 },
    { durationMs: 100, bps: 1e6 },
  ];
  const link = new WorldLink({ ...quiet, uplink, jitter: 0.1, slowStart: true, bufferBytes: 4000 }, 4);
  let nowMs = 0;
  let freeMs = 0;
  for (let at = 0; at < 500; at++) {
    nowMs += 2000 * random() ** 3;
    const bytes = Math.round(100 * 1000 ** random());
    const foreseen = link.foresee(nowMs, bytes, "image");
    const sending = link.send(nowMs, bytes, "image");
    expect(sending).toEqual(foreseen);
    expect(sending.startMs).toBeGreaterThanOrEqual(Math.max(nowMs, freeMs));
    // 4 Mbit/s at the most.
    expect(sending.leftMs - sending.startMs).toBeGreaterThanOrEqual((8000 * bytes) / 4e6 - 1e-6);
    expect(sending.arrivesMs).toBeGreaterThan(sending.leftMs);
    freeMs = sending.leftMs;
    if (random() < 0.3) {
      const givenUpMs = nowMs + random() * 1.5 * (sending.leftMs - nowMs);
      link.giveUp(sending, givenUpMs);
      nowMs = givenUpMs;
      const next = link.foresee(givenUpMs, 100, "image");
      // Nothing is quicker for having been given up than it would be without, and nothing slower than with it.
      expect(next.startMs).toBeGreaterThanOrEqual(givenUpMs);
      expect(next.startMs).toBeLessThanOrEqual(Math.max(givenUpMs, sending.leftMs) + 1e-6);
      freeMs = next.startMs;
    }
  }
});

test("what the radio has taken in stays on its way when a request is given up", () => {
  const startOf = (bufferBytes: number): number => {
    const link = new WorldLink({ ...quiet, bufferBytes }, 1);
    link.giveUp(link.send(0, 100_000, "image"), 20);
    return link.foresee(20, 100, "probe").startMs;
  };
  expect(startOf(0)).toBeCloseTo(20, 6);
  expect(startOf(10_000)).toBeCloseTo(30, 6);
  // All of it: 100 kB at 1 kB/ms.
  expect(startOf(1 << 20)).toBeCloseTo(100, 6);
});

test("a connection that was silent begins slowly, a radio that slept wakes up, a late reply waits for a cycle", () => {
  const wake = { idleAfterMs: 5000, wakeMs: { p: [0.5], q: [200] } };
  const link = new WorldLink({ ...quiet, slowStart: true, wake, drx: { cycleMs: 100, afterMs: 50 } }, 1);
  link.send(0, 100, "image");
  // 14.6 kB, 29.2 kB and the rest; each of the first two rounds lasts a round trip, since 40 ms carry 40 kB.
  const slow = link.send(3000, 50_000, "image");
  expect(slow.leftMs - slow.startMs).toBeCloseTo(40 + 40 + (50_000 - 43_800) / 1000, 6);
  // The connection is warm now.
  const warm = link.send(slow.leftMs, 50_000, "image");
  expect(warm.leftMs - warm.startMs).toBeCloseTo(50, 6);
  const woken = link.foresee(20_000, 100, "image");
  expect(woken.startMs).toBeCloseTo(20_200, 6);
  const soonMs = link.foreseeReply(warm.leftMs + 20, 100, warm) - warm.leftMs;
  expect(soonMs).toBeLessThan(50);
  const lateMs = link.foreseeReply(warm.leftMs + 400, 100, warm) - warm.leftMs - 420;
  expect(lateMs).toBeGreaterThan(0.01);
  expect(lateMs).toBeLessThan(101);
});

test("RTTs are constant, follow each other as measured, or have their distribution", () => {
  expect(rttOver({ kind: "constant", rttMs: 30 }, 1)(1e6)).toBe(30);
  const samples = [
    { atMs: 0, rttMs: 20 },
    { atMs: 1000, rttMs: 80 },
  ];
  const series = rttOver({ kind: "series", samples, durationMs: 1500 }, 1);
  expect([0, 999, 1000, 1499, 1500, 2600].map(series)).toEqual([20, 20, 80, 80, 20, 80]);
  const drawn = rttOver({ kind: "distribution", rttMs: { p: [0.05, 0.5, 0.95], q: [10, 40, 200] } }, 1);
  const values = Array.from({ length: 20_000 }, (_, second) => drawn(1000 * second));
  expect(values.filter((ms) => ms < 40).length / values.length).toBeCloseTo(0.5, 1);
  expect(values.filter((ms) => ms >= 199.9).length / values.length).toBeCloseTo(0.05, 1.5);
});

const phone: EdgeSettings = {
  slowdown: 4,
  noise: 0,
  throttling: null,
  otherShare: 0,
  imageMs: 10,
  blocks: true,
};

test("a phone runs one thing after the other, gets hot under load and cold again", () => {
  const throttling = { slowdown: 2, onsetMs: 1000, coolDownMs: 4000 };
  const edge = new Edge({ ...phone, throttling }, 1);
  expect(edge.run(0, 100)).toEqual({ startMs: 0, endMs: 400 });
  // 400 of 1,000 ms of work: as much slower.
  expect(edge.foresee(100, 100)).toEqual(edge.run(100, 100));
  expect(edge.run(0, 1).endMs).toBeGreaterThan(960);
  for (let at = 0; at < 10; at++) edge.run(0, 100);
  const { startMs, endMs } = edge.run(0, 100);
  expect(endMs - startMs).toBeCloseTo(800, 6);
  expect(edge.scaleAt(endMs + 4000)).toBeCloseTo(4, 6);
  const hot = new Edge({ ...phone, throttling: { ...throttling, onsetMs: 0 } }, 1);
  expect(hot.run(0, 100).endMs).toBeCloseTo(800, 6);
});

test("a phone that computes sees what comes when it has computed, unless its GPU does", () => {
  const edge = new Edge(phone, 1);
  edge.decode(0);
  edge.run(0, 100);
  edge.run(20, 50);
  expect([5, 10, 100, 409].map((ms) => edge.seesMs(ms))).toEqual([5, 410, 410, 410]);
  // Between two runs it looks.
  expect([410, 500, 610, 700].map((ms) => edge.seesMs(ms))).toEqual([610, 610, 610, 700]);
  const beside = new Edge({ ...phone, blocks: false }, 1);
  beside.run(0, 100);
  expect(beside.seesMs(100)).toBe(100);
});

test("a run that has not begun is taken back, as if it had never been asked for", () => {
  const throttling = { slowdown: 2, onsetMs: 1000, coolDownMs: 4000 };
  const [edge, twin] = [new Edge({ ...phone, throttling }, 1), new Edge({ ...phone, throttling }, 1)];
  for (const one of [edge, twin]) one.run(0, 100);
  const waiting = edge.run(10, 100);
  expect(edge.cancel(waiting, 20)).toBeCloseTo(waiting.endMs - waiting.startMs, 9);
  expect(edge.busyMs).toBeCloseTo(twin.busyMs, 9);
  expect(edge.foresee(30, 50)).toEqual(twin.foresee(30, 50));
  const begun = edge.run(10, 100);
  expect(edge.cancel(begun, begun.startMs)).toBe(0);
  expect(edge.busyMs).toBeGreaterThan(twin.busyMs);
});

test("what runs in parts sees between them what has come, and is ended there, as if it had been no longer", () => {
  const throttling = { slowdown: 2, onsetMs: 1000, coolDownMs: 4000 };
  const [edge, twin] = [new Edge({ ...phone, throttling }, 1), new Edge({ ...phone, throttling }, 1)];
  const run = edge.run(0, 100, [25, 50, 25]);
  const partMs = (run.endMs - run.startMs) / 4;
  expect(run).toMatchObject(twin.foresee(0, 100));
  expect([0.5, 1, 2, 3.5].map((part) => edge.seesMs(part * partMs) / partMs)).toEqual([1, 1, 3, 4]);
  expect(edge.cancel(run, 3.5 * partMs)).toBe(0);
  expect(edge.cancel(run, 0.5 * partMs)).toBeCloseTo(3 * partMs, 9);
  const part = twin.run(0, 25);
  expect(edge.foresee(0, 40)).toEqual(twin.foresee(0, 40));
  expect([edge.busyMs, edge.seesMs(0.9 * partMs)]).toEqual([twin.busyMs, part.endMs]);
});

const service: CloudSettings = {
  scale: 1,
  noise: 0,
  workers: 1,
  batching: null,
  others: { utilisation: 0.6, arrivalCv: 1, jobMs: 20, bursts: [] },
  coldStartMs: 0,
  maxQueueMs: 1e9,
};

/** Requests of 10 ms, evenly apart by a little more than a second. */
function ask(cloud: Cloud, count: number): readonly (Served & { readonly atMs: number })[] {
  return Array.from({ length: count }, (_, at) => {
    const atMs = 1000 + 1013.7 * at;
    const foreseen = cloud.foresee(atMs, 10);
    const served = cloud.serve(atMs, 10)!;
    expect(served).toEqual(foreseen);
    return { atMs, ...served };
  });
}

test("requests wait in the service as Pollaczek and Khinchine say", () => {
  const served = ask(new Cloud(service, 5), 6000);
  const mean = served.reduce((sum, { atMs, startMs }) => sum + startMs - atMs, 0) / served.length;
  // Jobs are lognormal, sd 0.4 of the logarithm: cv^2 = exp(0.16) - 1.
  const cv2 = Math.exp(0.16) - 1;
  const expected = (0.6 * 20 * (1 + cv2)) / (2 * (1 - 0.6));
  expect(Math.abs(mean / expected - 1)).toBeLessThan(0.12);
  for (const { atMs, startMs, endMs } of served) {
    expect(startMs).toBeGreaterThanOrEqual(atMs);
    expect(endMs - startMs).toBeCloseTo(10, 9);
  }
});

test("bursts and a small bound make waits longer and requests refused; a cold start delays the first", () => {
  const waits = (settings: Partial<CloudSettings>): number => {
    const served = ask(new Cloud({ ...service, ...settings }, 6), 1500);
    return served.reduce((sum, { atMs, startMs }) => sum + startMs - atMs, 0) / served.length;
  };
  const bursts = [{ fromMs: 0, toMs: 1e9, factor: 1.5 }];
  expect(waits({ others: { ...service.others, bursts } })).toBeGreaterThan(2 * waits({}));
  const tight = new Cloud({ ...service, maxQueueMs: 5 }, 6);
  const refused = Array.from({ length: 500 }, (_, at) => tight.serve(1000 * at, 10)).filter(
    (one) => one === null,
  );
  expect(refused.length).toBeGreaterThan(20);
  expect(refused.length).toBeLessThan(480);
  const cold = new Cloud({ ...service, others: { ...service.others, utilisation: 0 }, coldStartMs: 900 }, 6);
  expect(cold.serve(5000, 10)).toEqual({ startMs: 5900, endMs: 5910 });
  expect(cold.serve(9000, 10)).toEqual({ startMs: 9000, endMs: 9010 });
});

test("who waits together runs together, and the queue that is told is what the next one waits", () => {
  const others = { ...service.others, utilisation: 0 };
  const cloud = new Cloud({ ...service, others, batching: { most: 3, share: 0.25 } }, 1);
  expect(cloud.serve(0, 10)).toEqual({ startMs: 0, endMs: 10 });
  expect(cloud.serve(1, 10)).toEqual({ startMs: 10, endMs: 20 });
  expect(cloud.serve(2, 10)).toEqual({ startMs: 10, endMs: 22.5 });
  expect(cloud.toldQueueMs(3)).toBeCloseTo(19.5, 9);
  const alone = new Cloud({ ...service, others, workers: 2 }, 1);
  for (const ms of [30, 50]) alone.serve(0, ms);
  expect(alone.toldQueueMs(10)).toBe(20);
  expect(alone.serve(10, 5)).toEqual({ startMs: 30, endMs: 35 });
});

import { beforeAll, expect, test } from "vitest";
import { playFleet } from "../run/play-fleet.ts";
import { openSubject, type Subject } from "../set-up/subject.ts";
import { bestAssignment } from "./central.ts";
import type { ClientKind } from "./client-kind.ts";
import { Course, oscillation } from "./course.ts";
import { Replica } from "./replica.ts";
import { Replicas } from "./replicas.ts";
import type { FleetSummary } from "./summary.ts";

let subject: Subject;
beforeAll(async () => {
  // A net sixteen times as large: phones need the cloud.
  subject = await openSubject("models/resnet-imagenette", 16);
});

const play = (wishes: Partial<Parameters<typeof playFleet>[0]>, seed = 1): Promise<FleetSummary> =>
  playFleet(
    { fleet: "400", replicas: 2, every: "4000", duration: "240", population: undefined, ...wishes },
    async () => subject,
    seed,
    () => {},
  );

test("every photo is answered or counted, and the same seed gives the same bytes", async () => {
  const wishes = { scaling: "off", failure: "30" };
  const one = await play(wishes);
  expect(JSON.stringify(await play(wishes))).toBe(JSON.stringify(one));
  expect(JSON.stringify(await play(wishes, 2))).not.toBe(JSON.stringify(one));
  // 400 clients, each every 4 s, for 240 s: within five standard deviations.
  expect(Math.abs(one.answers - 24_000)).toBeLessThan(5 * Math.sqrt(24_000) + 400);
  expect(one.accuracyInTime).toBeLessThanOrEqual(Math.min(one.inTime, one.accuracy));
  expect(one.refused + one.lost).toBeLessThanOrEqual(one.sent);
  expect(one.fallback).toBeLessThanOrEqual(one.sent);
  expect(one.lost).toBeGreaterThan(0);
  expect(one.steady.liveReplicas).toBe(2);
  expect(one.failure!.worst).toBeGreaterThan(0.5);
});

test("told load makes no herd: beyond chance the cloud's load does not swing, however loaded it is", async () => {
  for (const [fleet, every] of [
    ["400", "4000"],
    ["400", "12000"],
    ["1500", "4000"],
  ] as const) {
    const { steady } = await play({ fleet, every, scaling: "off", failure: "off" });
    expect(steady.oscillationBeyondChance, fleet).toBeLessThan(0.1);
    expect(steady.ofCentral, fleet).toBeGreaterThan(0.8);
    expect(steady.ofCentral, fleet).toBeLessThan(1.03);
  }
});

test("more replicas answer more photos rightly in time, and the autoscaler takes as many as it needs", async () => {
  const few = await play({ fleet: "2000", replicas: 1, scaling: "off", failure: "off" });
  const many = await play({ fleet: "2000", replicas: 20, scaling: "off", failure: "off" });
  expect(many.accuracyInTime).toBeGreaterThan(few.accuracyInTime + 0.01);
  const scaled = await play({ fleet: "2000", replicas: 20, scaling: "10", failure: "off", duration: "600" });
  expect(scaled.steady.liveReplicas).toBeGreaterThan(5.5);
});

test("a replica serves in turn, tells what waits, and refuses what would be late", () => {
  const replica = new Replica(2);
  expect(replica.toldQueueMs(0)).toBe(0);
  expect(replica.serve(0, 100, 1000)).toEqual({ startMs: 0, endMs: 100 });
  expect(replica.serve(0, 300, 1000)).toEqual({ startMs: 0, endMs: 300 });
  expect(replica.toldQueueMs(40)).toBe(60);
  expect(replica.serve(40, 50, 100)).toBe("refused");
  expect(replica.serve(40, 50, 110)).toEqual({ startMs: 100, endMs: 150 });
});

test("connections go where there are fewest; those of a dead replica are gone", () => {
  const settings = { clients: 10, replicas: 4, workers: 2, everyMs: 1, durationMs: 1, seed: 1 };
  const replicas = new Replicas({ ...settings, autoscaling: null, failure: null });
  for (let client = 0; client < 8; client++) replicas.connect();
  expect(replicas.all.map(({ clients }) => clients)).toEqual([2, 2, 2, 2]);
  replicas.fail();
  expect(replicas.live).toHaveLength(2);
  for (let client = 0; client < 4; client++) replicas.connect();
  expect(replicas.all.map(({ clients }) => clients)).toEqual([0, 0, 4, 4]);
  replicas.restore(10);
  expect(replicas.live).toHaveLength(4);
});

test("an autoscaler wants what the load needs, later, and goes down slowly", () => {
  const autoscaling = { periodMs: 15_000, target: 0.7, delayMs: 60_000, downAfterMs: 300_000 };
  const settings = { clients: 10, replicas: 8, workers: 2, everyMs: 1, durationMs: 1, seed: 1 };
  const replicas = new Replicas({ ...settings, autoscaling, failure: null });
  const counts: number[] = [];
  for (let ms = 15_000; ms <= 900_000; ms += 15_000) {
    replicas.scale(ms, ms <= 300_000 ? 1.4 : 0.05);
    counts.push(replicas.live.length);
  }
  expect(counts.slice(0, 4)).toEqual([2, 2, 2, 2]);
  expect(Math.max(...counts)).toBe(8);
  expect(counts[30]).toBe(8);
  expect(counts.at(-1)).toBeLessThan(8);
});

test("swings are told from chance", () => {
  const course = new Course(1_000_000);
  for (let second = 0; second < 1000; second++) {
    // 100 requests a second one half of the time, 300 the other.
    for (let at = 0; at < (second % 20 < 10 ? 100 : 300); at++) course.work(1000 * second, 2);
  }
  const { all, beyondChance } = oscillation(course, 0, 1000);
  expect(all).toBeCloseTo(0.5, 6);
  expect(beyondChance).toBeCloseTo(Math.sqrt(0.25 - 1 / 200), 3);
});

test("the best assignment gains with the cloud's time, and less and less", () => {
  const kind = {
    weight: 1,
    conditions: { rttMs: 40, uplinkBps: 20e6, downlinkBps: 50e6, edgeScale: 4 },
    imageMs: 10,
    budgetMs: 300,
  } as ClientKind;
  const values = [0, 2, 4, 8, 1000].map((ms) => bestAssignment(subject, [kind], ms));
  const gains = values.slice(1).map((value, at) => value - values[at]!);
  expect(gains[0]).toBeGreaterThan(0);
  expect(gains[1]).toBeLessThanOrEqual(gains[0]! + 1e-9);
  expect(values.at(-1)).toBeLessThanOrEqual(1);
});

test.each([
  [{ fleet: "9" }, "--fleet: expected a whole number of at least 10, got 9"],
  [{ fleet: "100001" }, "--fleet: expected at most 100000 clients, got 100001"],
  [{ fleet: "many" }, "--fleet: expected a whole number of at least 10, got many"],
  [{ replicas: 101 }, "--replicas: expected at most 100, got 101"],
  [{ every: "-1" }, "--every: expected a number from 100"],
  [{ duration: "0" }, "--duration: expected a number from 60"],
  [{ scaling: "soon" }, "--scaling: expected a number from 0"],
  [{ failure: "-4" }, "--failure: expected a number from 1"],
  [{ uplink: "5" }, "expected --uplink only without --fleet"],
  [{ answers: 5 }, "expected --answers only without --fleet"],
])("a fleet of %j is refused", async (wishes, message) => {
  await expect(play(wishes)).rejects.toMatchObject({ message: expect.stringContaining(message) });
});

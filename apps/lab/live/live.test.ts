import { expect, test } from "vitest";
import { openSubject } from "../simulate/set-up/subject.ts";
import { agreementOf, type LiveRow, liveRow, liveTable } from "./compare-live.ts";
import { readLinks } from "./conditions.ts";
import { expectPlanners } from "./live-page.ts";
import { predict } from "./predict.ts";
import { worldOfRig } from "./rig-world.ts";

const same = (value: number) => ({ value, low: value, high: value });
const row = (liveMs: number, simulatedMs: number, live: number, simulated: number): LiveRow => ({
  link: "4g",
  policy: "eddi",
  answers: 10,
  liveMs: same(liveMs),
  simulatedMs,
  liveInTime: same(live),
  simulatedInTime: simulated,
  accuracy: 1,
});

test("the simulator agrees if it is off by at most 15 % of the latency and 5 points of the share in time", () => {
  const near = agreementOf([row(100, 110, 1, 0.98), row(200, 170, 0.9, 0.94)]);
  expect(near.latency).toBeCloseTo(0.125, 9);
  expect(near.inTimePoints).toBeCloseTo(3, 9);
  expect(near.agrees).toBe(true);
  expect(agreementOf([row(100, 120, 1, 1)]).agrees).toBe(false);
  expect(agreementOf([row(100, 100, 1, 0.9)]).agrees).toBe(false);
});

test("a row has the means, and intervals that hold them", () => {
  const live = { ms: [100, 200, 300], inTime: [true, true, false], right: [true, false, true] };
  const made = liveRow("3g", "eddi", live, { ms: [150, 250], inTime: [true, false] });
  expect(made.liveMs.value).toBe(200);
  expect(made.liveMs.low).toBeLessThan(200);
  expect(made.liveMs.high).toBeGreaterThan(200);
  expect(made.simulatedMs).toBe(200);
  expect(made.simulatedInTime).toBe(0.5);
  expect(made.accuracy).toBeCloseTo(2 / 3, 9);
  expect(liveTable([made]).split("\n")[1]).toMatch(/^3g {2} {2}eddi +200 \(\d+ to \d+\) +200/);
});

test("links are constants or traces; what is neither is refused", async () => {
  const [threeG, fourG] = await readLinks("3g,4g");
  expect(threeG).toMatchObject({ uplink: 1.1e6, rttMs: 100 });
  expect(fourG).toMatchObject({ uplink: 5.85e6 });
  await expect(readLinks("5g")).rejects.toThrow("--links: expected 3g, 4g, wifi or a trace's file, got 5g");
});

test("policies that a page cannot be told are refused, not passed over", () => {
  expect(() => expectPlanners(false, ["spinn"])).toThrow("got spinn");
  expectPlanners(true, ["spinn"]);
  expectPlanners(false, []);
});

test("what the rig is like is what the simulator plays", async () => {
  const subject = await openSubject("models/resnet-imagenette", 1);
  const rig = {
    edgeScale: 3,
    edgeNoise: 0,
    encodeScale: 2,
    cloudScale: 2,
    cloudNoise: 0,
    imageMs: 1,
    overheadMs: 5,
  };
  const [link] = await readLinks("4g");
  expect(worldOfRig(rig, link!).link.rtt).toEqual({ kind: "constant", rttMs: 55 });
  const startsMs = [4000, 8000, 12_000];
  const given = { subject, rig, link: link!, startsMs, photos: [1, 2, 3], budgetMs: 1000, isForced: true };
  const local = await predict({ ...given, policy: "edge-only-last" });
  for (const ms of local.ms) expect(ms).toBeCloseTo(3 * subject.edgeMs + 1, 6);
  const remote = await predict({ ...given, policy: "cloud-raw" });
  const leastMs = 55 + (8000 * 3 * 128 * 128) / 5.85e6 / 4;
  for (const ms of remote.ms) expect(ms).toBeGreaterThan(leastMs);
  const slow = { ...link!, uplink: 10_000 };
  const late = await predict({ ...given, link: slow, policy: "cloud-raw" });
  expect(late.inTime).not.toContain(true);
  const raced = await predict({ ...given, link: slow, policy: "cloud-raw", isForced: false });
  expect(raced.inTime).not.toContain(false);
});

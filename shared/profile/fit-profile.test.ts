import { expect, test } from "vitest";
import { elementCount } from "#shared/model";
import { randomFrom } from "#shared/random";
import { fixtureModel } from "../model/fixture.ts";
import { headsFromSamples, profileFromSamples } from "./fit-profile.ts";
import { insidePlan, type Measurement, measurePlan } from "./measure-plan.ts";
import type { Sample } from "./profile.ts";
import type { Role } from "./role.ts";
import { moveMs, type Transfer, USUAL_TRANSFERS } from "./transfer.ts";
import { nodeWork, workUnits } from "./work.ts";

const model = fixtureModel();
const TRANSFER: Transfer = { ...USUAL_TRANSFERS.head, perTensorMs: 0.4, perByteMs: 0.002 };
const roles: readonly Role[] = ["head", "tail"];

test("when times are additive, node times add up to every sample, and so do exits' branches", () => {
  for (const role of roles) {
    for (let seed = 0; seed < 50; seed++) {
      const random = randomFrom(seed);
      const samples = additiveSamples(
        role,
        2 * random(),
        fixedTimes(() => 10 * random()),
      );
      const { fixedMs, nodeMs } = profileFromSamples(model, role, samples, TRANSFER);
      measurePlan(model, role).forEach(({ segment, exit, at }, index) => {
        const sum = segment.nodes.reduce((total, name) => total + nodeMs[name]!, fixedMs + transferMs(at));
        expect(sum, `${role} ${exit} ${at}, seed ${seed}`).toBeCloseTo(samples[index]!.medianMs, 9);
      });
    }
  }
});

test("within a block that was not looked into, time follows work", () => {
  const units = nodeWork(model).map(workUnits);
  const { nodeMs } = profileFromSamples(
    model,
    "head",
    additiveSamples("head", 1, () => 3),
    TRANSFER,
  );
  const rate = (name: string) => nodeMs[name]! / units[model.dag.names.indexOf(name)]!;
  expect(rate("left")).toBeCloseTo(rate("right"), 12);
  expect(rate("left")).toBeCloseTo(rate("cat"), 12);
  expect(rate("deep")).toBeCloseTo(rate("join"), 12);
});

test("noise never makes a time negative, and a longer segment never costs less", () => {
  for (const role of roles) {
    for (let seed = 0; seed < 100; seed++) {
      const random = randomFrom(seed);
      const samples = additiveSamples(role, random(), () => random()).map((sample) => ({
        ...sample,
        medianMs: sample.medianMs * (0.5 + random()),
      }));
      const { fixedMs, nodeMs } = profileFromSamples(model, role, samples, TRANSFER);
      expect(fixedMs).toBeGreaterThanOrEqual(0);
      expect(Object.keys(nodeMs).toSorted()).toEqual(model.dag.names.slice(1).toSorted());
      for (const ms of Object.values(nodeMs)) expect(ms).toBeGreaterThanOrEqual(0);
    }
  }
});

test("inner samples may lack: the whole keeps its time", () => {
  for (const role of roles) {
    const samples = additiveSamples(role, 1, () => 2);
    const longest = role === "head" ? "exit-3" : "image";
    const full = samples.find(({ exit, at }) => exit === "full" && at === longest)!;
    const exitEnds = new Set(["exit-1", "exit-2", "exit-3", "image"]);
    const { fixedMs, nodeMs } = profileFromSamples(
      model,
      role,
      samples.filter(({ at }) => exitEnds.has(at)),
      TRANSFER,
    );
    const nodes = measurePlan(model, role).find(({ exit, at }) => exit === "full" && at === longest)!.segment
      .nodes;
    const sum = nodes.reduce((total, name) => total + nodeMs[name]!, fixedMs + transferMs(longest));
    expect(sum).toBeCloseTo(full.medianMs, 9);
  }
});

test("a fixed cost that was not sampled is extrapolated to no work", () => {
  const units = new Map(nodeWork(model).map((work, node) => [model.dag.names[node]!, workUnits(work)]));
  const samples = additiveSamples("head", 4, (name) => units.get(name)! / 1000);
  const without = samples.filter(({ at }) => at !== "image");
  expect(profileFromSamples(model, "head", without, TRANSFER).fixedMs).toBeCloseTo(4, 6);
});

test("an exit whose longest segment was not timed is refused", () => {
  for (const role of roles) {
    const samples = additiveSamples(role, 1, () => 2);
    const lacking = samples.filter(({ at }) => at !== (role === "head" ? "exit-2" : "image"));
    const refused = expect.objectContaining({ code: "bad-profile" });
    expect(() => profileFromSamples(model, role, lacking, TRANSFER)).toThrow(refused);
  }
});

test("samples inside blocks tell how their nodes share its time, whatever a call costs", () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = randomFrom(seed);
    const times = new Map(
      nodeWork(model).map((work, node) => [model.dag.names[node]!, rate(workUnits(work), random)]),
    );
    const timeOf = (name: string) => times.get(name)!;
    const samples = [...additiveSamples("head", 1, timeOf), ...insideSamples(random(), timeOf)];
    const { nodeMs } = profileFromSamples(model, "head", samples, TRANSFER);
    for (const [name, ms] of Object.entries(nodeMs))
      expect(ms, `${name}, seed ${seed}`).toBeCloseTo(timeOf(name), 9);
  }
});

test("what is only noise inside a block takes no node's whole time away", () => {
  const inside = insideSamples(1, () => 0);
  const { nodeMs } = profileFromSamples(
    model,
    "head",
    [...additiveSamples("head", 1, () => 3), ...inside],
    TRANSFER,
  );
  for (const [name, ms] of Object.entries(nodeMs)) expect(ms, name).toBeGreaterThan(0);
});

test("heads that were measured in part give times as far as they go", () => {
  const all = additiveSamples("head", 1, (name) => name.length);
  const part = all.filter(({ at }) => ["image", "stem", "join"].includes(at));
  const { fixedMs, nodeMs } = headsFromSamples(model, part, TRANSFER);
  expect(fixedMs).toBeCloseTo(1, 9);
  expect(Object.keys(nodeMs)).toEqual(["stem", "deep", "join"]);
  expect(nodeMs.stem! + nodeMs.deep! + nodeMs.join!).toBeCloseTo(12, 9);
  const empty = all.filter(({ at }) => at === "image");
  expect(() => headsFromSamples(model, empty, TRANSFER)).toThrow(
    expect.objectContaining({ code: "bad-profile" }),
  );
});

/** Samples of every segment when each node takes its own time, a call takes `fixedMs`, and the tensor moves. */
function additiveSamples(role: Role, fixedMs: number, timeOf: (name: string) => number): Sample[] {
  return measurePlan(model, role).map((one) => sample(one, fixedMs + transferMs(one.at), timeOf));
}

function insideSamples(callMs: number, timeOf: (name: string) => number): Sample[] {
  return insidePlan(model).map((one) => ({ ...sample(one, callMs, timeOf), from: one.from! }));
}

function sample(
  { exit, at, segment }: Measurement,
  besideMs: number,
  timeOf: (name: string) => number,
): Sample {
  const times = new Map(model.dag.names.map((name) => [name, timeOf(name)]));
  const medianMs = segment.nodes.reduce((total, name) => total + times.get(name)!, besideMs);
  return { exit, at, medianMs, p95Ms: medianMs };
}

function transferMs(name: string): number {
  return moveMs(TRANSFER, elementCount(model.metadata.tensors[name]!.shape));
}

/** The same time for a node each time it is asked for. */
function fixedTimes(next: () => number): (name: string) => number {
  const times = new Map(model.dag.names.map((name) => [name, next()]));
  return (name) => times.get(name)!;
}

/** Milliseconds of so much work, now at half and now at twice the usual pace. */
const rate = (units: number, random: () => number): number => (units / 1000) * (0.5 + 1.5 * random());

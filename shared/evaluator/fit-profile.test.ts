import { expect, test } from "vitest";
import { seededRandom } from "../graph/fixture.ts";
import { fixtureModel } from "../model/fixture.ts";
import { profileFromSamples } from "./fit-profile.ts";
import { measurePlan } from "./measure-plan.ts";
import type { Role, Sample } from "./profile.ts";
import { nodeWork, workUnits } from "./work.ts";

const model = fixtureModel();
const roles: readonly Role[] = ["head", "tail"];

test("when times are additive, node times add up to every sample, and so do exits' branches", () => {
  for (const role of roles) {
    for (let seed = 0; seed < 50; seed++) {
      const random = seededRandom(seed);
      const samples = additiveSamples(role, 2 * random(), () => 10 * random());
      const { fixedMs, nodeMs } = profileFromSamples(model, role, samples);
      measurePlan(model, role).forEach(({ segment, exit, at }, index) => {
        const sum = segment.nodes.reduce((total, name) => total + nodeMs[name]!, fixedMs);
        expect(sum, `${role} ${exit} ${at}, seed ${seed}`).toBeCloseTo(samples[index]!.medianMs, 9);
      });
    }
  }
});

test("within a block, time follows work", () => {
  const units = nodeWork(model).map(workUnits);
  const { nodeMs } = profileFromSamples(
    model,
    "head",
    additiveSamples("head", 1, () => 3),
  );
  const rate = (name: string) => nodeMs[name]! / units[model.dag.names.indexOf(name)]!;
  expect(rate("left")).toBeCloseTo(rate("right"), 12);
  expect(rate("left")).toBeCloseTo(rate("cat"), 12);
  expect(rate("deep")).toBeCloseTo(rate("join"), 12);
});

test("noise never makes a time negative, and a longer segment never costs less", () => {
  for (const role of roles) {
    for (let seed = 0; seed < 100; seed++) {
      const random = seededRandom(seed);
      const samples = additiveSamples(role, random(), () => random()).map((sample) => ({
        ...sample,
        medianMs: sample.medianMs * (0.5 + random()),
      }));
      const { fixedMs, nodeMs } = profileFromSamples(model, role, samples);
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
    );
    const nodes = measurePlan(model, role).find(({ exit, at }) => exit === "full" && at === longest)!.segment
      .nodes;
    const sum = nodes.reduce((total, name) => total + nodeMs[name]!, fixedMs);
    expect(sum).toBeCloseTo(full.medianMs, 9);
  }
});

test("a fixed cost that was not sampled is extrapolated to no work", () => {
  const units = new Map(nodeWork(model).map((work, node) => [model.dag.names[node]!, workUnits(work)]));
  const samples = additiveSamples("head", 4, (name) => units.get(name)! / 1000);
  const without = samples.filter(({ at }) => at !== "image");
  expect(profileFromSamples(model, "head", without).fixedMs).toBeCloseTo(4, 6);
});

test("an exit whose longest segment was not timed is refused", () => {
  for (const role of roles) {
    const samples = additiveSamples(role, 1, () => 2);
    const lacking = samples.filter(({ at }) => at !== (role === "head" ? "exit-2" : "image"));
    const refused = expect.objectContaining({ code: "bad-profile" });
    expect(() => profileFromSamples(model, role, lacking)).toThrow(refused);
  }
});

/** Samples of every segment when each node takes its own time and a call takes `fixedMs`. */
function additiveSamples(role: Role, fixedMs: number, timeOf: (name: string) => number): Sample[] {
  const times = new Map(model.dag.names.map((name) => [name, timeOf(name)]));
  return measurePlan(model, role).map(({ exit, at, segment }): Sample => {
    const medianMs = segment.nodes.reduce((total, name) => total + times.get(name)!, fixedMs);
    return { exit, at, medianMs, p95Ms: medianMs };
  });
}

import { expect, test } from "vitest";
import type { Segment } from "#shared/model";
import { fixtureModel } from "../model/fixture.ts";
import { measurePlan } from "./measure-plan.ts";
import { measureProfile } from "./measure-profile.ts";
import { type Role, readProfile } from "./profile.ts";

const model = fixtureModel();
const given = { model, device: "fake", backend: "fake", selfTestMs: 1, warmups: 2, repeats: 9 };

test("every segment of the plan starts at the input or ends at the exit, and no head is timed twice", () => {
  const heads = measurePlan(model, "head");
  expect(new Set(heads.map(({ at }) => at)).size).toBe(heads.length);
  for (const { at, segment } of heads) expect(segment).toMatchObject({ feeds: ["image"], outputs: [at] });
  for (const { exit, at, segment } of measurePlan(model, "tail")) {
    const { node } = model.metadata.exits.find(({ id }) => id === exit)!;
    expect(segment).toMatchObject({ feeds: [at], outputs: [node] });
  }
  expect(heads.map(({ at }) => at)).toContain("exit-1");
});

test("a machine with a clock of coarse steps, slow warm-up and slow spells gives the true profile", async () => {
  for (const role of ["head", "tail"] satisfies Role[]) {
    const machine = fakeMachine(0.7, (name) => name.length / 4);
    const profile = await measureProfile({ ...given, role, ...machine });
    expect(readProfile(JSON.parse(JSON.stringify(profile)))).toEqual(profile);
    for (const { exit, at, segment } of measurePlan(model, role)) {
      const truth = segment.nodes.reduce((total, name) => total + name.length / 4, 0.7);
      const sample = profile.samples.find((one) => one.exit === exit && one.at === at)!;
      expect(Math.abs(sample.medianMs - truth), `${role} ${exit} ${at}`).toBeLessThan(0.06);
      expect(sample.p95Ms).toBeGreaterThanOrEqual(sample.medianMs);
    }
    expect(Math.abs(profile.fixedMs - 0.7)).toBeLessThan(0.06);
  }
});

test("when a run fails, the measurement fails with its error", async () => {
  const error = new Error("device lost");
  const machine = { run: () => Promise.reject(error), now: () => 0 };
  await expect(measureProfile({ ...given, role: "head", ...machine })).rejects.toBe(error);
});

/** First runs take 100 times as long; every 40th run takes 20 times as long; the clock steps by 0.1 ms. */
function fakeMachine(fixedMs: number, timeOf: (name: string) => number) {
  let clockMs = 0;
  let runs = 0;
  const seen = new Set<string>();
  return {
    now: () => Math.floor(clockMs * 10) / 10,
    run: async (segment: Segment) => {
      const key = `${segment.feeds} ${segment.outputs}`;
      const slow = seen.has(key) ? (runs++ % 40 === 0 ? 20 : 1) : 100;
      seen.add(key);
      clockMs += slow * segment.nodes.reduce((total, name) => total + timeOf(name), fixedMs);
    },
  };
}

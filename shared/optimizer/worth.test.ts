import { expect, test } from "vitest";
import type { ExitPolicy } from "#shared/model";
import { randomFrom } from "#shared/random";
import { accuracies, restWorth, worthOf } from "./worth.ts";

test("without measurements the worst is taken that the policy's accuracy allows", () => {
  const random = randomFrom(2);
  for (let at = 0; at < 2000; at++) {
    const [past1, past2] = [random(), random()];
    const shares = [1 - past1, past1 * (1 - past2), past1 * past2] as const;
    const rights = [random(), random(), random()] as const;
    const accuracy = shares.reduce((sum, share, part) => sum + share * rights[part]!, 0);
    const early = ["a", "b"].map((exit) => ({ exit, threshold: 0.5 }));
    const policy: ExitPolicy = { exit: "c", early, reach: [past1, past1 * past2], accuracy };
    const { answered, right } = worthOf(policy, accuracy);
    const known = [...answered, right];
    for (const one of known) {
      expect(one).toBeGreaterThanOrEqual(0);
      expect(one).toBeLessThanOrEqual(1);
    }
    const whole = shares.reduce((sum, share, part) => sum + share * known[part]!, 0);
    expect(whole).toBeCloseTo(accuracy, 9);
    // Whatever the true rights are: later answers are less likely in time, and the bound holds.
    const inTime = [random(), random(), random()].sort((a, b) => b - a);
    const worth = (of: readonly number[]): number =>
      shares.reduce((sum, share, part) => sum + share * of[part]! * inTime[part]!, 0);
    expect(worth(known)).toBeLessThanOrEqual(worth(rights) + 1e-9);
    // Of any exit: on the rest it is right at least so often.
    const onRest = random();
    const elsewhere = random();
    const whole2 = (1 - shares[2]) * elsewhere + shares[2] * onRest;
    expect(restWorth(policy, "d", whole2)).toBeLessThanOrEqual(onRest + 1e-9);
  }
});

test("what was measured is taken as it is", () => {
  const policy: ExitPolicy = {
    exit: "c",
    early: [{ exit: "a", threshold: 0.5 }],
    reach: [0.4],
    accuracy: 0.8,
    answered: [0.9],
    rest: { a: 0.3, c: 0.65 },
  };
  expect(worthOf(policy, 0.8)).toEqual({ answered: Float64Array.of(0.9), right: 0.65 });
  expect(restWorth(policy, "a", 0.7)).toBe(0.3);
});

test("exits that were not measured count by their position", () => {
  const exit = (id: string, position: number, accuracy: number | null) => ({ exit: id, position, accuracy });
  const of = (exits: readonly ReturnType<typeof exit>[]) => accuracies(exits as never);
  expect(of([exit("a", 0, 0.5), exit("b", 1, 0.7)]).get("a")).toBe(0.5);
  const unknown = of([exit("a", 0, 0.5), exit("b", 1, null), exit("c", 2, 0.9)]);
  expect([...unknown.values()]).toEqual([0.95 ** 2, 0.95, 1]);
});

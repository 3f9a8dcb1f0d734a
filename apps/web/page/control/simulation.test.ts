import { afterEach, expect, test } from "vitest";
import type { PlanSummary } from "../../client/index.ts";
import { followTried, simulate, simulated, simulateNothing, tryable } from "./simulation.ts";
import { summary } from "./store.ts";

const CAT1 = { uplinkBps: 0.13e6, rttMs: 120 };

/** The connection is known, and requests wait so long in the cloud. */
function know(queueMs: number): void {
  const conditions = { uplinkBps: 8e6, rttMs: 20, queueMs };
  summary.value = { conditions } as PlanSummary;
}

afterEach(() => {
  simulateNothing();
  followTried(null);
});

test("what happens to wait in the cloud is shown, and not tried", () => {
  know(3.9);
  simulate(CAT1);
  expect(simulated.value).toEqual({ ...CAT1, queueMs: 3.9, slower: 1 });
  expect(tryable(simulated.value!)).toEqual({ ...CAT1, queueMs: 0, slowdown: 1 });
});

test("a wait that somebody chose is tried, also after another slider was moved and the cloud became busier", () => {
  know(3.9);
  simulate({ queueMs: 120 });
  simulate({ slower: 2 });
  know(500);
  expect(tryable(simulated.value!)).toEqual({ uplinkBps: 8e6, rttMs: 20, queueMs: 120, slowdown: 2 });
});

test("what is tried stays so where other sliders are moved", () => {
  know(3.9);
  followTried({ ...CAT1, queueMs: 120, slowdown: 1 });
  simulate({ slower: 3 });
  expect(tryable(simulated.value!)).toEqual({ ...CAT1, queueMs: 120, slowdown: 3 });
});

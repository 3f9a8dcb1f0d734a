import { afterEach, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import type { Planning } from "#shared/planning";
import type { Channel } from "../talk/messages.ts";
import type { PlanningEvent, PlanningRequest } from "../talk/planning.ts";
import { serve } from "../talk/serve.ts";
import { PlannerEnd } from "./planner-end.ts";

const planned = (budgetMs: number, minAccuracy: number | null) => ({ budgetMs, minAccuracy }) as Planning;
const reason = new EddiError("unavailable", "the optimizer was restarted");

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

/** A link to an optimizer that answers every wish with a plan for it, and whose settling never ends. */
function setUp() {
  const asked: PlanningRequest[] = [];
  const got: Planning[] = [];
  const holds: boolean[] = [];
  const link = new PlannerEnd(
    (planning) => got.push(planning),
    (isHeld) => holds.push(isHeld),
  );
  const connect = () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    const emit = serve<PlanningRequest, PlanningEvent>(port2 as unknown as Channel, async (request) => {
      asked.push(request);
      if (request.kind === "settle") return new Promise<never>(() => {});
      if (request.kind !== "plan") return { reply: null };
      const { budgetMs, minAccuracy = 0.5 } = request.wish;
      return { reply: planned(budgetMs, minAccuracy) };
    });
    port2.start();
    link.connect(port1, reason);
    return emit;
  };
  return { link, asked, got, holds, emit: connect(), connect };
}

test("the latest plan is taken for what it was made for; for another budget or accuracy one is asked for", async () => {
  const { link, asked, got, emit } = setUp();
  const latest = planned(300, null);
  emit({ kind: "planned", planning: latest });
  while (got.length === 0) await new Promise(setImmediate);
  expect(await link.planFor({ budgetMs: 300 })).toEqual(latest);
  expect(await link.planFor({ budgetMs: 300, minAccuracy: null })).toEqual(latest);
  expect(asked).toEqual([]);
  expect(await link.planFor({ budgetMs: 300, minAccuracy: 0.9 })).toEqual(planned(300, 0.9));
  expect(await link.planFor({ budgetMs: 200 })).toEqual(planned(200, 0.5));
  expect(asked).toEqual([
    { kind: "plan", wish: { budgetMs: 300, minAccuracy: 0.9 } },
    { kind: "plan", wish: { budgetMs: 200 } },
  ]);
});

test("what an optimizer owes when it is gone is settled, and without one there are no plans, nor is any waited for", async () => {
  const { link, asked, holds, connect } = setUp();
  const owed = link.settle();
  link.ready(new Set(["a"]));
  while (asked.length < 2) await new Promise(setImmediate);
  connect();
  await expect(owed).rejects.toBe(reason);
  // Whoever takes its place is told what it knew.
  while (asked.length < 3) await new Promise(setImmediate);
  expect(asked[2]).toEqual({ kind: "ready", nodes: ["a"] });
  const again = link.settle();
  link.connect(null, reason);
  await expect(again).rejects.toBe(reason);
  await link.settle();
  expect(await link.planFor({ budgetMs: 300 })).toBeNull();
  expect(holds).toEqual([false, false, false]);
});

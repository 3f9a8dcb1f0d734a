import { afterEach, expect, test, vi } from "vitest";
import { EddiError } from "#shared/errors";
import type { Planning } from "#shared/planning";
import type { PlanningEvent, PlanningRequest } from "../talk/planning.ts";
import { type Served, serve } from "../talk/serve.ts";
import { PlannerEnd } from "./planner-end.ts";

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
  vi.restoreAllMocks();
});

const planningFor = (budgetMs: number, cloudUp = true): Planning => ({
  budgetMs,
  plan: null,
  prediction: null,
  ways: [],
  wanted: null,
  finish: [],
  soonest: null,
  patienceMs: 0,
  load: null,
  cloudUp,
  mayAnswerEarlier: true,
  minAccuracy: null,
});

function link() {
  const planned: number[] = [];
  const held: boolean[] = [];
  const planner = new PlannerEnd(
    ({ budgetMs }) => planned.push(budgetMs),
    (isHeld) => held.push(isHeld),
  );
  return { planner, planned, held };
}

/** An optimizer at the other end of a real port; what it is told is kept. */
function optimizer(
  planner: PlannerEnd,
  handle: (request: PlanningRequest) => Promise<Served> = async (request) => ({
    reply: request.kind === "plan" ? planningFor(request.wish.budgetMs) : planningFor(1),
  }),
) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  const told: PlanningRequest[] = [];
  const send = serve<PlanningRequest, PlanningEvent>(port2, (request) => {
    told.push(request);
    return handle(request);
  });
  port2.start();
  planner.connect(port1, new EddiError("unavailable", "the optimizer was replaced"));
  return { told, send, kinds: () => told.map(({ kind }) => kind) };
}

const ENGINE = { kind: "engine", backend: "wasm", selfTestMs: 4 } as const;

test("without an optimizer there is no plan, and nothing that is told is an error", async () => {
  const { planner } = link();
  planner.engine(ENGINE);
  planner.arrived();
  await planner.settle();
  expect(await planner.planFor({ budgetMs: 100 })).toBeNull();
  expect(planner.cloudUp).toBe(false);
});

test("the latest plan answers for its own budget, and for no other", async () => {
  const { planner, planned } = link();
  const { send, told } = optimizer(planner);
  send({ kind: "planned", planning: planningFor(70) });
  await expect.poll(() => planned).toEqual([70]);
  expect(planner.cloudUp).toBe(true);
  expect(await planner.planFor({ budgetMs: 70 })).toEqual(planningFor(70));
  expect(told).toEqual([]);
  expect(await planner.planFor({ budgetMs: 90 })).toEqual(planningFor(90));
  expect(told).toEqual([{ kind: "plan", wish: { budgetMs: 90 } }]);
});

test("that the service decodes fitted codecs is known from the optimizer alone, and of each anew", async () => {
  const { planner } = link();
  expect(planner.mayFit).toBe(false);
  const { send } = optimizer(planner);
  send({ kind: "service", mayFit: true, catalogue: null });
  await expect.poll(() => planner.mayFit).toBe(true);
  optimizer(planner);
  expect(planner.mayFit).toBe(false);
});

test("what a plain cloud has is known however many optimizers there were", async () => {
  const { planner } = link();
  expect(planner.catalogue).toBeNull();
  const catalogue = { tails: { exit1: { image: ["uint8" as const] } }, isBinary: true };
  optimizer(planner).send({ kind: "service", mayFit: false, catalogue });
  await expect.poll(() => planner.catalogue).toEqual(catalogue);
  optimizer(planner).send({ kind: "service", mayFit: true, catalogue: null });
  await expect.poll(() => planner.mayFit).toBe(true);
  expect(planner.catalogue).toEqual(catalogue);
});

test("an optimizer that is busy, or fails, keeps nobody waiting: the latest plan serves", async () => {
  for (const handle of [
    () => new Promise<Served>(() => {}),
    () => Promise.reject(new EddiError("internal", "no costs")),
  ]) {
    const { planner, planned } = link();
    const { send } = optimizer(planner, handle);
    expect(await planner.planFor({ budgetMs: 70 })).toBeNull();
    send({ kind: "planned", planning: planningFor(70) });
    await expect.poll(() => planned).toEqual([70]);
    expect(await planner.planFor({ budgetMs: 90 })).toEqual(planningFor(70));
  }
});

test("a fresh optimizer is told all that holds, but not how an engine did that is gone", async () => {
  const { planner, held } = link();
  const first = optimizer(planner);
  planner.ready(new Set(["image"]));
  planner.engine(ENGINE);
  planner.profiled({ device: "old" } as never);
  planner.engine({ ...ENGINE, backend: "webgl" });
  planner.downloading(true);
  planner.started();
  await expect.poll(first.kinds).toEqual(["ready", "engine", "profiled", "engine", "downloading", "started"]);
  first.send({ kind: "hold", isHeld: true });
  await expect.poll(() => held).toEqual([false, true]);

  const second = optimizer(planner);
  await expect.poll(second.kinds).toEqual(["ready", "engine", "downloading"]);
  expect(second.told[1]).toMatchObject({ backend: "webgl" });
  // Whoever held downloads is gone: they go on.
  expect(held).toEqual([false, true, false]);
});

test("what waits for an optimizer that is replaced does not wait for ever", async () => {
  const { planner } = link();
  optimizer(planner, () => new Promise(() => {}));
  const settling = planner.settle();
  const planning = planner.planFor({ budgetMs: 70 });
  optimizer(planner);
  await expect(settling).rejects.toMatchObject({ message: "the optimizer was replaced" });
  expect(await planning).toBeNull();
});

test("what an optimizer does not take is said, and costs nothing", async () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  const { planner } = link();
  optimizer(planner, () => Promise.reject(new EddiError("bad-profile", "nodes are missing")));
  planner.profiled({ device: "other" } as never);
  await expect.poll(() => warn.mock.calls).toEqual([["optimizer, profiled: nodes are missing"]]);
});

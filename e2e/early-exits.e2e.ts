import { expect } from "@playwright/test";
import { allCloud, allEdge, confidence, type EarlyExit, type Plan, splitPlan } from "#shared/model";
import { SOFTWARE_WEBGPU } from "../apps/lab/rig/phone.ts";
import { type App, expectClose, openApp, type PlainAnswer } from "./harness/app.ts";
import { allPlans, loadModel, noise, spread, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const TOLERANCE = 1e-5;
const CUTS = 8;

const model = loadModel(TINY);
const image = noise(model, 5);
const [first, second, last] = model.metadata.exits.map(({ id }) => id) as [string, string, string];

let app: App;
/** By exit: what it says when everything runs on the edge. */
const whole = new Map<string, PlainAnswer>();

for (const [backend, flags] of [["wasm", []] as const, ["webgpu", SOFTWARE_WEBGPU] as const]) {
  test.describe(`tiny, ${backend}`, () => {
    test.beforeAll(async ({ service }) => {
      app = await openApp({ url: service.url, parameters: { model: TINY, backend, profile: "off" }, flags });
      await app.settle();
      const { engine } = await app.state();
      expect(engine?.backend, JSON.stringify(engine?.tried)).toBe(backend);
      for (const exit of [first, second, last]) whole.set(exit, await run(allEdge(model, exit)));
    });
    test.afterAll(() => app.close());

    test("threshold 0: the first early exit answers, on the edge, whatever the cut", async () => {
      for (const plan of [...plansWith(asking(0)), ...plansWith(asking(0, 0))]) {
        const answer = await run(plan);
        expect(answer).toMatchObject({ source: "edge", exit: first, cut: [], requestBytes: 0 });
        expect(answer.asked).toHaveLength(1);
        expect(answer.asked[0]!.confidence).toBeCloseTo(sureOf(first), 5);
        expectClose(answer.scores, whole.get(first)!.scores, TOLERANCE);
      }
    });

    test("threshold 1: all exits are asked and the plan's answers, all-edge and with a cut", async () => {
      const sources = new Set<string>();
      for (const plan of [...plansWith(asking(1)), ...plansWith(asking(1, 1))]) {
        const { cut, tail } = splitPlan(model, plan);
        const answer = await run(plan);
        expect(answer).toMatchObject({ source: tail === null ? "edge" : "cloud", exit: last, cut });
        expect(answer.asked.map(({ exit }) => exit)).toEqual(plan.early!.map(({ exit }) => exit));
        for (const { exit, confidence } of answer.asked) expect(confidence).toBeCloseTo(sureOf(exit), 5);
        expectClose(answer.scores, whole.get(last)!.scores, TOLERANCE);
        sources.add(answer.source);
      }
      expect([...sources].sort()).toEqual(["cloud", "edge"]);
    });

    test("between: the first exit is not sure enough, the second one is", async () => {
      const early = asking(sureOf(first) + 1e-3, sureOf(second) - 1e-3);
      for (const plan of plansWith(early)) {
        const answer = await run(plan);
        expect(answer).toMatchObject({ source: "edge", exit: second, cut: [], requestBytes: 0 });
        expectClose(answer.scores, whole.get(second)!.scores, TOLERANCE);
      }
      await expect(app.page.locator(".asked")).toContainText(`${first} was not sure: `);
      await expect(app.page.locator(".asked")).toContainText(
        `${second} was sure: ${sureOf(second).toFixed(2)}`,
      );
    });

    test("plans that cannot ask their early exits are refused, and the next image is answered", async () => {
      const edge = allEdge(model, last);
      const refused: Plan[] = [
        { ...edge, early: [{ exit: "nowhere", threshold: 0.5 }] },
        { ...edge, early: [{ exit: last, threshold: 0.5 }] },
        { ...edge, early: asking(0.5, 0.5).reverse() },
        { ...edge, early: asking(1.1) },
        { ...edge, early: asking(Number.NaN) },
        { ...allCloud(model, last), early: asking(0.5) },
      ];
      for (const plan of refused)
        await expect(run(plan), JSON.stringify(plan.early)).rejects.toThrow(/early/);
      expectClose((await run(edge)).scores, whole.get(last)!.scores, TOLERANCE);
    });
  });
}

const run = (plan: Plan): Promise<PlainAnswer> => app.answerNoise(image, { plan, codec: "float32" });
const sureOf = (exit: string): number => {
  const { temperature = 1 } = model.metadata.exits.find(({ id }) => id === exit)!;
  return confidence(whole.get(exit)!.scores, temperature);
};

/** Plans of the last exit whose heads have room for these early exits: all-edge, and some that send something. */
function plansWith(early: readonly EarlyExit[]): Plan[] {
  const allowed = allPlans(model, last).flatMap((plan): Plan[] => {
    try {
      splitPlan(model, { ...plan, early });
      return [{ ...plan, early }];
    } catch {
      return [];
    }
  });
  return spread(
    allowed.sort((a, b) => a.head.length - b.head.length),
    CUTS,
  );
}

const asking = (...thresholds: readonly number[]): EarlyExit[] =>
  thresholds.map((threshold, at) => ({ exit: [first, second][at]!, threshold }));

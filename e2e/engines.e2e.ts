import { expect } from "@playwright/test";
import { allEdge, type Plan } from "#shared/model";
import { SOFTWARE_WEBGPU } from "../apps/lab/rig/phone.ts";
import { type App, expectClose, openApp, type PlainAnswer } from "./harness/app.ts";
import { destroyDevices, keepDevices, loseContexts } from "./harness/devices.ts";
import { allPlans, loadModel, noise, spread, TINY } from "./harness/models.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const TOLERANCE = 1e-4;

const model = loadModel(TINY);
const image = noise(model, 5);
const last = model.metadata.exits.at(-1)!.id;
const whole = allEdge(model, last);

let service: Service;
let app: App;
test.beforeAll(async () => {
  service = await startService();
});
test.afterEach(() => app.close());
test.afterAll(() => service.stop());

const DEVICES = [
  ["webgl", loseContexts, /WebGL context lost/],
  ["webgpu", destroyDevices, /GPU device lost/],
] as const;

for (const [backend, lose, reason] of DEVICES) {
  const open = async (): Promise<void> => {
    app = await openApp({
      url: service.url,
      parameters: { model: TINY, backend, profile: "off", budget: 1000 },
      flags: SOFTWARE_WEBGPU,
      isAlone: true,
      before: ({ context }) => keepDevices(context),
    });
    await app.settle();
    const { engine } = await app.state();
    expect(engine?.backend, JSON.stringify(engine?.tried)).toBe(backend);
  };

  test(`${backend}: what a lost device reads back is neither an answer nor sent on; another engine answers`, async () => {
    await open();
    const right = await run(whole);
    // Nothing travels here and something there, whether the loss shows in scores or in a cut.
    const plans = spread(allPlans(model, last), 4);
    expect(await lose(app.page)).toBeGreaterThan(0);
    for (const plan of [...plans, whole]) {
      const answer = await run(plan);
      expectClose(answer.scores, right.scores, TOLERANCE);
      expect(answer.confidence).toBeCloseTo(right.confidence, 3);
    }
    await expect(app.page.getByText(reason)).toBeVisible();
    expect((await app.state()).engine?.backend).toBe("wasm");
    expect(await run(whole)).toMatchObject({ source: "edge", there: [] });
    // Once it may do it again, when nobody waits.
    const timeout = 90_000;
    await expect.poll(async () => (await app.state()).engine?.backend, { timeout }).toBe(backend);
    expectClose((await run(whole)).scores, right.scores, TOLERANCE);
  });

  test(`${backend}: a device that is lost while the service is down costs accuracy, never the answer`, async () => {
    await open();
    await service.kill();
    try {
      expect(await lose(app.page)).toBeGreaterThan(0);
      for (let photo = 0; photo < 3; photo++) {
        const answer = await app.answerNoise(image, { budgetMs: 10_000 });
        expect(["edge", "fallback"]).toContain(answer.source);
        expect(answer.there).toEqual([]);
        expect(answer.scores.reduce((a, b) => a + b)).toBeCloseTo(1, 3);
        expect(answer.totalMs).toBeLessThanOrEqual(answer.budgetMs);
      }
      await expect(app.page.getByText(reason)).toBeVisible();
      await expect(app.page.locator(".status")).toContainText("wasm");
    } finally {
      await service.start();
    }
  });
}

const run = (plan: Plan): Promise<PlainAnswer> => app.answerNoise(image, { plan, codec: "float32" });

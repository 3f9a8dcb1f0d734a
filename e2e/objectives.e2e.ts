import { expect } from "@playwright/test";
import { TOLERANCE } from "#shared/evaluator";
import { ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

let app: App | null = null;
let proxy: ShapingProxy | null = null;

const FAR = { rttMs: 150, uplink: 5e6, downlink: 20e6 };

test.afterEach(async () => {
  await app?.close();
  app = null;
  await proxy?.close();
  proxy = null;
});

test("where an accuracy is enough, the Optimizer lets sure exits answer early, and the edge does", async ({
  service,
}) => {
  // On a phone and far from the cloud, what early exits save is more than a plan is kept for.
  proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, FAR);
  const model = loadModel(REAL);
  const [first, second] = model.metadata.exits;
  const accuracy = (first!.accuracy! + second!.accuracy!) / 2;
  const parameters = { model: REAL, backend: "wasm", accuracy, slowdown: 4 };
  app = await openApp({ url: `http://localhost:${proxy.port}`, parameters });
  await app.settle();
  const { summary } = await app.state();
  const { plan, prediction } = summary!;
  expect(plan?.early?.length).toBeGreaterThan(0);
  expect(prediction!.expectedMs).toBeLessThan(prediction!.totalMs);
  const answers = [];
  for (let seed = 1; seed <= 6; seed++) answers.push(await app.answerNoise(noise(model, seed)));
  for (const answer of answers) {
    // Whatever an image is like, the first exit is asked, and whoever answers was sure or was the last.
    expect(answer.asked.length).toBeGreaterThan(0);
    const last = answer.asked.at(-1)!;
    const wasSure = last.confidence >= last.threshold;
    expect(answer.exit).toBe(wasSure ? last.exit : answer.plan.exit);
    // What was expected is of the way that was taken: none of the network where nothing travelled.
    const { rttMs, uplinkMs, cloudMs } = answer.prediction!.latency;
    expect(rttMs + uplinkMs + cloudMs > 0).toBe(answer.source === "cloud");
  }
  // Without the floor, of plans within 0.2 points of the best the fastest: early exits only where they cost no more.
  await app.page.evaluate(() => globalThis.eddi.setMinAccuracy(null));
  await app.settle();
  const last = model.metadata.exits.at(-1)!;
  const best = (await app.state()).summary!;
  expect(best.plan).toMatchObject({ exit: last.id });
  expect(best.prediction!.accuracy).toBeGreaterThan(last.accuracy! - 0.002 - TOLERANCE);
});

test("under load plans are for overlapping frames, all are answered, and what is sustained is told", async ({
  service,
}) => {
  app = await openApp({ url: service.url, parameters: { model: TINY, backend: "wasm", slowdown: 5 } });
  await app.settle();
  expect((await app.state()).summary!.load).toBeNull();
  const load = async (framesPerSecond: number | null) => {
    await app!.page.evaluate((fps) => globalThis.eddi.setLoad(fps), framesPerSecond);
    await app!.settle();
    return (await app!.state()).summary!.load;
  };
  expect(await load(1)).toMatchObject({ framesPerSecond: 1, mode: "latency" });
  const most = (await load(100_000))!;
  expect(most.mode).toBe("overload");
  expect(most.planFps).toBeCloseTo(most.sustainableFps, 6);
  const model = loadModel(TINY);
  const frames = [1, 2, 3, 4, 5, 6].map((seed) => app!.answerNoise(noise(model, seed)));
  const answers = await Promise.all(frames);
  expect(answers.every(({ scores }) => scores.length === model.metadata.labels.length)).toBe(true);
  expect(await load(null)).toBeNull();
  const refused = app.page.evaluate(() => globalThis.eddi.setLoad(0));
  await expect(refused).rejects.toThrow("framesPerSecond: expected above 0 or null, got 0");
});

test("phone only: what was to go to the cloud is answered here, and the address keeps that", async ({
  service,
}) => {
  app = await openApp({ url: service.url, parameters: { model: TINY, backend: "wasm", budget: 300 } });
  const { page } = app;
  const image = noise(loadModel(TINY), 1);
  const exit = loadModel(TINY).metadata.exits.at(-1)!.id;
  const toCloud = { plan: { exit, head: ["image"] } };
  expect((await app.answerNoise(image, toCloud)).source).toBe("cloud");
  await page.getByRole("button", { name: "Settings" }).tap();
  await page.getByLabel("Phone only").tap();
  await page.getByLabel("Early answers").tap();
  await page.getByLabel("The fastest answer").tap();
  await page.getByRole("button", { name: "Close", exact: true }).tap();
  await expect(page.locator(".link")).toHaveText("Phone only, as you chose");
  await expect(page.locator(".next")).toContainText("stays on your phone");
  expect(await app.answerNoise(image)).toMatchObject({ source: "edge", requestBytes: 0 });
  await expect(app.answerNoise(image, toCloud)).rejects.toThrow("expected one that sends nothing");
  const kept = Object.fromEntries(new URL(page.url()).searchParams);
  expect(kept).toEqual({ model: TINY, backend: "wasm", accuracy: "0.85", only: "phone", early: "off" });
  await page.reload();
  await page.evaluate(() => globalThis.eddi.ready);
  expect(await app.state()).toMatchObject({ phoneOnly: true, earlyExits: false, minAccuracy: 0.85 });
});

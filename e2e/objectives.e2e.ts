import { expect } from "@playwright/test";
import { TOLERANCE } from "#shared/evaluator";
import { allEdge } from "#shared/model";
import { ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

let app: App | null = null;
let proxy: ShapingProxy | null = null;

const SETTINGS = { model: TINY, backend: "wasm", profile: "off" };
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
  // A plan for a guessed network may be kept until probes have told how far the cloud is.
  let { plan, prediction } = (await app.state()).summary!;
  const early = async () => {
    ({ plan, prediction } = (await app!.state()).summary!);
    return plan?.early?.length ?? 0;
  };
  await expect.poll(early, { timeout: 30_000 }).toBeGreaterThan(0);
  expect(prediction!.expectedMs).toBeLessThan(prediction!.totalMs);
  const answers = [];
  for (let seed = 1; seed <= 6; seed++) answers.push(await app.answerNoise(noise(model, seed)));
  expect(answers.some(({ source }) => source !== "fallback")).toBe(true);
  for (const answer of answers) {
    // Whatever an image is like, the first exit is asked, and whoever answers was sure or was the last.
    expect(answer.asked.length).toBeGreaterThan(0);
    // On a busy machine a reply may be late: then the phone answers by a way of its own, of which nothing was foretold.
    if (answer.source === "fallback") {
      expect(answer.prediction).toBeNull();
      continue;
    }
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
  app = await openApp({ url: service.url, parameters: { ...SETTINGS, slowdown: 5 } });
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
  app = await openApp({ url: service.url, parameters: { ...SETTINGS, budget: 300 } });
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
  expect(kept).toEqual({ ...SETTINGS, accuracy: "0.85", only: "phone", early: "off" });
  await page.reload();
  await page.evaluate(() => globalThis.eddi.ready);
  expect(await app.state()).toMatchObject({ phoneOnly: true, earlyExits: false, minAccuracy: 0.85 });
});

test("conditions that are tried are waited for, learnt and told, and are over at a tap", async ({
  service,
}) => {
  const model = loadModel(REAL);
  const image = noise(model, 1);
  const [first, last] = [model.metadata.exits[0]!.id, model.metadata.exits.at(-1)!.id];
  app = await openApp({ url: service.url, parameters: { model: REAL, backend: "wasm", profile: "off" } });
  const { page } = app;
  const conditions = async () => (await app!.state()).summary!.conditions;
  /** The fastest of some runs to the first exit on the edge. */
  const headMs = async (): Promise<number> => {
    const times = [];
    for (let run = 0; run < 3; run++)
      times.push((await app!.answerNoise(image, { plan: allEdge(model, first) })).stages.headMs);
    return Math.min(...times);
  };
  await app.settle();
  const real = await conditions();
  const before = await headMs();
  await page.getByRole("tab", { name: "What if?" }).tap();
  await page.getByRole("button", { name: "CAT1" }).tap();
  await page.getByLabel("Phone", { exact: true }).fill("200");
  await expect(page.locator(".link")).not.toContainText("Simulated");
  await page.getByRole("button", { name: "Try it for real" }).tap();
  const mark = page.locator(".top .sim");
  await expect(mark).toHaveText("Simulated: CAT1, phone 8.0 times slower");
  const answer = await app.answerNoise(image, { plan: { exit: last, head: [model.nodes[0]!.name] } });
  expect(answer).toMatchObject({ source: "cloud", simulated: { rttMs: 200, slowdown: 8 } });
  const { rttMs, uplinkBps } = answer.simulated!;
  expect(answer.totalMs).toBeGreaterThanOrEqual(rttMs + (8000 * answer.requestBytes) / uplinkBps);
  const slow = await headMs();
  await expect.poll(async () => (await conditions()).rttMs).toBeGreaterThan(0.7 * rttMs);
  await expect.poll(async () => (await conditions()).uplinkBps).toBeLessThan(2 * uplinkBps);
  await expect.poll(async () => (await conditions()).edgeScale / real.edgeScale).toBeGreaterThan(2);
  await mark.tap();
  await expect(mark).toHaveCount(0);
  await expect.poll(async () => (await conditions()).rttMs).toBeLessThan(0.5 * rttMs);
  // The engine's fastest run of any is what is made so many times as long.
  expect(slow).toBeGreaterThan(2 * Math.min(before, await headMs()));
  expect((await app.answerNoise(image)).simulated).toBeNull();
  // Whoever reads the visit sees which decisions were made in such conditions.
  const { decisions } = await page.evaluate(() => globalThis.eddi.trace());
  const marks = decisions.map(({ simulated }) => simulated?.rttMs ?? null);
  expect(new Set(marks)).toEqual(new Set([null, rttMs]));
  expect(marks.at(-1)).toBeNull();
  const refused = page.evaluate(() =>
    globalThis.eddi.simulate({ rttMs: -1, uplinkBps: 1e6, queueMs: 0, slowdown: 1 }),
  );
  await expect(refused).rejects.toThrow("conditions.rttMs: expected 0 to 10000, got -1");
});

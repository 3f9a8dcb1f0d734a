import { expect } from "@playwright/test";
import { allEdge } from "#shared/model";
import { SOFTWARE_WEBGPU } from "../apps/lab/rig/phone.ts";
import { type App, expectClose, openApp, type PlainAnswer } from "./harness/app.ts";
import { commandsSoFar, destroyDevices, keepDevices, spoilInputs, upsetDevices } from "./harness/devices.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const TOLERANCE = 1e-4;

const model = loadModel(TINY);
const images = [noise(model, 5), noise(model, 6)] as const;
const plan = allEdge(model, model.metadata.exits.at(-1)!.id);

let app: App;
/** What the edge worker has said of its replays. */
let told: string[];
test.beforeEach(async ({ service }) => {
  told = [];
  app = await openApp({
    url: service.url,
    parameters: { model: TINY, backend: "webgpu", profile: "off", budget: 1000 },
    flags: SOFTWARE_WEBGPU,
    isAlone: true,
    isShown: false,
    before: async ({ context, page }) => {
      page.on("console", (message) => {
        if (message.text().includes("WebGPU replay")) told.push(message.text());
      });
      await keepDevices(context);
    },
  });
  await app.settle();
  const { engine } = await app.state();
  expect(engine?.backend, JSON.stringify(engine?.tried)).toBe("webgpu");
});
test.afterEach(() => app.close());

const run = (image = images[0]): Promise<PlainAnswer> => app.answerNoise(image, { plan, codec: "float32" });

/** @returns an answer, and whether it was replayed: computed without a buffer that was bound for it */
async function watched(image = images[0]): Promise<PlainAnswer & { readonly isReplayed: boolean }> {
  const before = await commandsSoFar(app.page);
  const answer = await run(image);
  const { groups, dispatches } = await commandsSoFar(app.page);
  expect(dispatches).toBeGreaterThan(before.dispatches);
  return { ...answer, isReplayed: groups === before.groups };
}

const untilReplayed = (): Promise<void> =>
  expect.poll(async () => (await watched()).isReplayed, { timeout: 60_000 }).toBe(true);

test("what runs again is replayed, and gives the very same scores, of other images too; after a fault it is recorded anew", async () => {
  const first = await watched();
  expect(first.isReplayed).toBe(false);
  await untilReplayed();
  expect(await watched()).toMatchObject({ isReplayed: true, scores: first.scores, source: "edge" });
  const other = await watched(images[1]);
  expect(other).toMatchObject({ isReplayed: true, source: "edge" });
  expect(other.scores).not.toEqual(first.scores);

  expect(await upsetDevices(app.page)).toBeGreaterThan(0);
  let again = await watched(images[1]);
  // The device's word may come later than the next image.
  while (again.isReplayed) again = await watched(images[1]);
  expect(again.scores).toEqual(other.scores);
  await untilReplayed();
  expect(await watched(images[1])).toMatchObject({ isReplayed: true, scores: other.scores });
  expect(told).toEqual([]);
});

test("a replay that would give other scores is never played, and that is told once", async () => {
  const right = [await run(images[0]), await run(images[1])];
  expect(await spoilInputs(app.page)).toBeGreaterThan(0);
  // The first visit may have recorded it meanwhile: a fault has it recorded once more.
  await upsetDevices(app.page);
  await expect
    .poll(async () => {
      await run();
      return told.length;
    })
    .toBe(1);
  expect(told[0]).toMatch(/a replay differs from TF\.js, which runs everything from now on/);
  for (const [at, image] of images.entries()) {
    expect(await watched(image)).toMatchObject({ isReplayed: false, scores: right[at]!.scores });
  }
  expect(told).toHaveLength(1);
});

test("a device that is lost in the middle of a replay gives no wrong answer, and no answer is lost", async () => {
  const right = await run();
  await untilReplayed();
  const answers = [run(), run(), run()];
  const [count] = await Promise.all([destroyDevices(app.page), ...answers]);
  expect(count).toBeGreaterThan(0);
  for (const answer of answers) expectClose((await answer).scores, right.scores, TOLERANCE);
  // The cloud may have answered all of them while another engine starts.
  await expect.poll(async () => (await app.state()).engine?.backend, { timeout: 60_000 }).toBe("wasm");
  expectClose((await run()).scores, right.scores, TOLERANCE);
});

import { expect } from "@playwright/test";
import type { BrowserContext } from "playwright";
import { allEdge } from "#shared/model";
import { type App, expectClose, openApp } from "./harness/app.ts";
import { allPlans, loadModel, noise, spread, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const TOLERANCE = 1e-4;
const FILES = /\/litert[^/]*\.(js|wasm)$/;

const model = loadModel(TINY);
const image = noise(model, 5);
const last = model.metadata.exits.at(-1)!.id;
const whole = allEdge(model, last);

let url: string;
let app: App;
/** What was fetched of LiteRT. */
let fetched: string[];
test.beforeEach(({ service }) => {
  url = service.url;
});
test.afterEach(() => app.close());

async function open(
  parameters: Readonly<Record<string, string>>,
  before: (context: BrowserContext) => Promise<unknown> = async () => {},
): Promise<void> {
  fetched = [];
  app = await openApp({
    url,
    parameters: { model: TINY, profile: "off", ...parameters },
    isShown: false,
    before: ({ context }) => {
      context.on("request", (request) => {
        if (FILES.test(request.url())) fetched.push(request.url());
      });
      return before(context);
    },
  });
  await app.settle();
}

const runtime = async () => (await app.state()).engine?.runtime;
const run = (plan = whole) => app.answerNoise(image, { plan, codec: "float32" });

test("LiteRT gives TF.js' scores, whatever the plan", async () => {
  const plans = [
    ...spread(allPlans(model, last), 4),
    ...model.metadata.exits.map(({ id }) => allEdge(model, id)),
  ];
  await open({ engine: "tfjs" });
  const right: (readonly number[])[] = [];
  for (const plan of plans) right.push((await run(plan)).scores);
  expect([fetched, await runtime()]).toEqual([[], "tfjs"]);
  await app.close();

  await open({ engine: "litert" });
  expect(await runtime(), (await app.state()).problems.join()).toBe("litert-wasm");
  // The second time LiteRT has compiled what it was asked for.
  for (let turn = 0; turn < 2; turn++) {
    for (const [at, plan] of plans.entries()) expectClose((await run(plan)).scores, right[at]!, TOLERANCE);
    await app.settle();
  }
  expect(await runtime()).toBe("litert-wasm");
  expect((await app.state()).problems).toEqual([]);
});

test("nothing of LiteRT is fetched before the first answers; it is after them, and the next visit goes by what was chosen", async () => {
  await open({});
  await run();
  await app.settle();
  expect(fetched).toEqual([]);
  await run();
  await run();
  await expect.poll(() => fetched.filter((url) => url.endsWith(".wasm")).length).toBe(1);
  await app.settle();
  expect((await app.state()).problems).toEqual([]);

  const chosen = await runtime();
  fetched = [];
  await app.page.reload();
  await app.settle();
  for (let photo = 0; photo < 5; photo++) await run();
  await app.settle();
  expect(await runtime()).toBe(chosen);
  // Where TF.js is faster the next visit does not even ask.
  if (chosen === "tfjs") expect(fetched).toEqual([]);
});

test("a backend that is asked for stays: nothing of LiteRT is fetched beside it", async () => {
  await open({ backend: "wasm" });
  for (let photo = 0; photo < 5; photo++) await run();
  await app.settle();
  expect([fetched, await runtime()]).toEqual([[], "tfjs"]);
});

test("who saves data is sent nothing of LiteRT, however it is asked for", async () => {
  for (const engine of ["auto", "litert"]) {
    await open({ engine }, async (context) => {
      const [page] = context.pages();
      const session = await context.newCDPSession(page!);
      await session.send("Emulation.setDataSaverOverride", { dataSaverEnabled: true });
    });
    const isSaving = await app.page.evaluate(() => {
      const { connection } = navigator as { readonly connection?: { readonly saveData: boolean } };
      return connection?.saveData;
    });
    expect(isSaving).toBe(true);
    for (let photo = 0; photo < 5; photo++) await run();
    await app.settle();
    expect([fetched, await runtime()]).toEqual([[], "tfjs"]);
    if (engine === "auto") await app.close();
  }
});

test("a runtime that does not come, or is damaged, costs no answer and is told once", async () => {
  const faults = [
    (context: BrowserContext) => context.route(/\/litert_wasm[^/]*\.wasm$/, (route) => route.abort()),
    (context: BrowserContext) =>
      context.route(/\/litert_wasm[^/]*\.wasm$/, (route) => route.fulfill({ status: 404 })),
    (context: BrowserContext) =>
      context.route(/\/litert_wasm[^/]*\.wasm$/, (route) =>
        route.fulfill({ contentType: "application/wasm", body: Buffer.alloc(1000, 7) }),
      ),
  ];
  for (const fault of faults) {
    await open({ engine: "litert" }, fault);
    expect(await runtime()).toBe("tfjs");
    expect(await run()).toMatchObject({ source: "edge", there: [] });
    const { problems } = await app.state();
    expect(problems).toEqual([expect.stringMatching(/LiteRT: .*; TF\.js runs everything/)]);
    if (fault !== faults.at(-1)) await app.close();
  }
});

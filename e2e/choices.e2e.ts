import { expect, type Route, test } from "@playwright/test";
import sharp from "sharp";
import { Service } from "../apps/lab/demo/service.ts";
import { type App, openApp } from "./harness/app.ts";
import { REAL, SLOW_PHONE } from "./harness/models.ts";

const INFER = /\/infer$/;
const SAMPLE = "/samples/held.png";

/** A photo, and what the page says of it. */
interface Known {
  readonly photo: Buffer;
  /** By this it is told from others on the page. */
  readonly width: number;
  readonly answer: string;
}

/** Colour and noise. */
const PICTURES = [
  ["#b03030", 8],
  ["#30b050", 60],
  ["#3060c0", 20],
  ["#c0a030", 100],
  ["#a040b0", 5],
  ["#70a020", 30],
] as const;

let service: Service;
let app: App;
/** Two photos that are answered differently. */
let first: Known;
let second: Known;

test.beforeAll(async () => {
  service = await Service.start();
  // So slow a phone that the cloud answers.
  app = await openApp({
    url: service.url,
    parameters: { model: REAL, slowdown: SLOW_PHONE, transport: "fetch", calibrate: "off" },
    before: ({ context }) =>
      context.route("**/samples/index.json", (route) =>
        route.fulfill({ json: { photos: [{ url: SAMPLE, label: "a slow one" }] } }),
      ),
  });
  await app.settle();
  const known: Known[] = [];
  for (const [at, [colour, sigma]] of PICTURES.entries()) {
    const width = 300 + 10 * at;
    const photo = await picture(width, colour, sigma);
    await choose(photo);
    await expect.poll(shownWidth).toBe(width);
    await expect(app.page.locator(".answer .label")).toBeVisible();
    known.push({ photo, width, answer: await app.page.locator(".answer .label").innerText() });
  }
  first = known[0]!;
  second = known.find(({ answer }) => answer !== first.answer)!;
  expect(second, "two photos with different answers").toBeDefined();
});
test.afterEach(() => app.context.unrouteAll({ behavior: "ignoreErrors" }));
test.afterAll(async () => {
  await app.close();
  await service.stop();
});

for (const fails of [false, true]) {
  test(`a first photo whose reply ${fails ? "fails" : "comes"} late does not touch the second one`, async () => {
    const held = await holdFirst(INFER);
    await choose(first.photo);
    const route = await held.request;
    await choose(second.photo);
    await expectShown(second);
    // The first one's request was cancelled, so whatever its reply is: nobody waits for it.
    await (fails ? route.abort() : route.continue()).catch(() => {});
    await settled();
    await expectShown(second);
    await choose(first.photo);
    await expectShown(first);
    await choose(second.photo);
    await expectShown(second);
    expect((await app.state()).problems).toEqual([]);
  });
}

test("of many photos chosen one after the other the last one is answered, whatever the replies' order", async () => {
  const routes: Route[] = [];
  await app.context.route(INFER, (route) => void routes.push(route));
  const photos = [first, second, first, second, first, second];
  for (const { photo } of photos) {
    const before = routes.length;
    await choose(photo);
    await expect.poll(() => routes.length).toBeGreaterThan(before);
  }
  for (const route of routes.toReversed()) await route.continue().catch(() => {});
  await app.context.unrouteAll({ behavior: "ignoreErrors" });
  await expectShown(second);
  await settled();
  await expectShown(second);
});

test("a sample that is slow to load does not come over a photo that was chosen after it", async () => {
  let hold: (route: Route) => void = () => {};
  const held = new Promise<Route>((resolve) => {
    hold = resolve;
  });
  const send = (route: Route) => route.fulfill({ body: first.photo, contentType: "image/png" });
  await app.context.route(`**${SAMPLE}`, (route) => hold(route));
  await app.page.getByAltText("photo: a slow one").tap();
  const route = await held;
  await choose(second.photo);
  await expectShown(second);
  await send(route).catch(() => {});
  await settled();
  await expectShown(second);
  // One that nobody overtakes comes.
  await app.context.unrouteAll({ behavior: "ignoreErrors" });
  await app.context.route(`**${SAMPLE}`, send);
  await app.page.getByAltText("photo: a slow one").tap();
  await expectShown(first);
});

test("what is no picture ends the photo before it, and the next one is answered", async () => {
  const held = await holdFirst(INFER);
  await choose(first.photo);
  const route = await held.request;
  await choose(Buffer.from("These are notes.\n"), "notes.txt", "text/plain");
  await expect(app.page.locator(".problems")).toContainText("text/plain");
  await route.continue().catch(() => {});
  await settled();
  await expect(app.page.locator(".answer .label")).toHaveCount(0);
  await choose(second.photo);
  await expectShown(second);
  await expect(app.page.locator(".problems > div")).toHaveCount(0);
});

async function picture(width: number, background: string, sigma: number): Promise<Buffer> {
  const size = { width, height: width, channels: 3 } as const;
  const grain = await sharp({
    create: { ...size, background: "#000", noise: { type: "gaussian", mean: 128, sigma } },
  })
    .png()
    .toBuffer();
  return sharp({ create: { ...size, background } })
    .composite([{ input: grain, blend: "overlay" }])
    .png()
    .toBuffer();
}

async function choose(buffer: Buffer, name = "photo.png", mimeType = "image/png"): Promise<void> {
  await app.page.locator("input[type=file]").first().setInputFiles({ name, mimeType, buffer });
}

/** The first request of these waits until the test lets it go; the others pass. */
async function holdFirst(address: RegExp): Promise<{ readonly request: Promise<Route> }> {
  let hold: (route: Route) => void = () => {};
  const request = new Promise<Route>((resolve) => {
    hold = resolve;
  });
  let isFirst = true;
  await app.context.route(address, async (route) => {
    if (!isFirst) return route.continue();
    isFirst = false;
    hold(route);
  });
  return { request };
}

/** The photo on show is this one, and so is the answer. */
async function expectShown({ width, answer }: Known): Promise<void> {
  await expect.poll(shownWidth).toBe(width);
  await expect(app.page.locator(".answer .label")).toHaveText(answer);
  expect(await shownWidth()).toBe(width);
}

/** Whatever was on its way has come, and nothing is being answered. */
async function settled(): Promise<void> {
  await app.page.evaluate(async () => (await fetch("/v2/health/live", { cache: "no-store" })).text());
  await expect(app.page.locator(".viewer.busy")).toHaveCount(0);
}

const shownWidth = (): Promise<number> =>
  app.page.locator(".viewer img").evaluate((image: HTMLImageElement) => image.naturalWidth);

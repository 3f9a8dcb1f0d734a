import { expect, type Route } from "@playwright/test";
import sharp from "sharp";
import { type App, openApp } from "./harness/app.ts";
import { REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const INFER = /\/infer$/;
const SAMPLE = "/samples/held.png";

/** A photo, and what tells its picture and its answer from others on the page. */
interface Known {
  readonly photo: Buffer;
  readonly width: number;
  /** Under which it is answered: the answer says so, whichever exit gives it. */
  readonly budgetMs: number;
}

/** So that a request is there to be held: no early exit is sure before it, whatever this machine is like. */
const ALL_IN_THE_CLOUD = "cloud-jpeg";

let app: App;
let first: Known;
let second: Known;

test.beforeAll(async ({ service }) => {
  first = { photo: await picture(300), width: 300, budgetMs: 7000 };
  second = { photo: await picture(310), width: 310, budgetMs: 9000 };
  app = await openApp({
    url: service.url,
    parameters: { model: REAL, planner: ALL_IN_THE_CLOUD, transport: "fetch", profile: "off" },
    before: ({ context }) =>
      context.route("**/samples/index.json*", (route) =>
        route.fulfill({ json: { photos: [{ url: SAMPLE, label: "a slow one" }] } }),
      ),
  });
  await app.settle();
});
test.afterEach(() => app.context.unrouteAll({ behavior: "ignoreErrors" }));
test.afterAll(() => app.close());

for (const fails of [false, true]) {
  test(`a first photo whose reply ${fails ? "fails" : "comes"} late does not touch the second one`, async () => {
    const held = await holdFirst(INFER);
    await choose(first);
    const route = await held.request;
    await choose(second);
    await expectShown(second);
    // The first one's request was cancelled, so whatever its reply is: nobody waits for it.
    await (fails ? route.abort() : route.continue()).catch(() => {});
    await settled();
    await expectShown(second);
    await choose(first);
    await expectShown(first);
    await choose(second);
    await expectShown(second);
    expect((await app.state()).problems).toEqual([]);
  });
}

test("of many photos chosen one after the other the last one is answered, whatever the replies' order", async () => {
  const routes: Route[] = [];
  await app.context.route(INFER, (route) => void routes.push(route));
  const photos = [first, second, first, second, first, second];
  for (const known of photos) {
    const before = routes.length;
    await choose(known);
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
  await choose(second);
  await expectShown(second);
  await send(route).catch(() => {});
  await settled();
  await expectShown(second);
  // One that nobody overtakes comes.
  await app.context.unrouteAll({ behavior: "ignoreErrors" });
  await app.context.route(`**${SAMPLE}`, send);
  await app.page.evaluate((ms) => globalThis.eddi.setBudget(ms), first.budgetMs);
  await app.page.getByRole("button", { name: "Samples" }).tap();
  await app.page.getByAltText("photo: a slow one").tap();
  await expectShown(first);
});

test("what is no picture ends the photo before it, and the next one is answered", async () => {
  const held = await holdFirst(INFER);
  await choose(first);
  const route = await held.request;
  await upload("notes.txt", "text/plain", Buffer.from("These are notes.\n"));
  await expect(app.page.locator(".problems")).toContainText("text/plain");
  await route.continue().catch(() => {});
  await settled();
  await expect(app.page.locator(".answer .label")).toHaveCount(0);
  await choose(second);
  await expectShown(second);
  await expect(app.page.locator(".problems > div")).toHaveCount(0);
});

const picture = (width: number): Promise<Buffer> =>
  sharp({ create: { width, height: width, channels: 3, background: "#38a" } })
    .png()
    .toBuffer();

async function choose({ photo, budgetMs }: Known): Promise<void> {
  await app.page.evaluate((ms) => globalThis.eddi.setBudget(ms), budgetMs);
  await upload("photo.png", "image/png", photo);
}

async function upload(name: string, mimeType: string, buffer: Buffer): Promise<void> {
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
async function expectShown({ width, budgetMs }: Known): Promise<void> {
  await expect.poll(shownWidth).toBe(width);
  const times = app.page.getByRole("region", { name: "Time of this answer" });
  await expect(times).toContainText(new RegExp(`(within|over) the limit of ${budgetMs / 1000}\\.0\\ss`));
  expect(await shownWidth()).toBe(width);
}

/** Whatever was on its way has come, and nothing is being answered. */
async function settled(): Promise<void> {
  await app.page.evaluate(async () => (await fetch("/v2/health/live", { cache: "no-store" })).text());
  await expect(app.page.locator(".viewer.busy")).toHaveCount(0);
}

const shownWidth = (): Promise<number> =>
  app.page.locator(".viewer img").evaluate((image: HTMLImageElement) => image.naturalWidth);

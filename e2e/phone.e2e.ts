import { expect } from "@playwright/test";
import sharp from "sharp";
import { FAKE_CAMERA } from "../apps/lab/rig/phone.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const { labels } = loadModel(REAL).metadata;
/** CSS pixels: a small old phone, and the one that the browser stands for. */
const WIDTHS = [320, 412];

declare global {
  /** Of all that has moved though no finger has touched anything. */
  var shifts: number;
}

let app: App;
test.beforeAll(async ({ service }) => {
  app = await openApp({
    url: service.url,
    parameters: { model: REAL },
    flags: FAKE_CAMERA,
    before: ({ page }) => page.addInitScript(watchShifts),
  });
});
test.afterAll(() => app.close());

test("the page is seen before its scripts are there, and works once they are", async ({ service }) => {
  const seen: string[] = [];
  const late = await openApp({
    url: service.url,
    parameters: { model: REAL },
    before: async ({ page }) => {
      // It comes when the page has been seen.
      await page.route(/assets\/index-[^/]*\.js$/, async (route) => {
        await page.getByRole("button", { name: "Camera" }).waitFor();
        seen.push(await page.locator(".why").innerText());
        await route.continue();
      });
    },
  });
  try {
    expect(seen[0]).toMatch(/^Choose a photo\./);
    await late.page.getByRole("tab", { name: "What if?" }).tap();
    await expect(late.page.getByRole("tab", { name: "What if?" })).toHaveAttribute("aria-selected", "true");
    await expect(late.page.locator(".app")).toHaveCount(1);
  } finally {
    await late.close();
  }
});

test("a part of the page that is not taken over yet hears a touch all the same", async ({ service }) => {
  const slow = await openApp({
    url: service.url,
    parameters: { model: REAL },
    before: ({ page }) => page.addInitScript(holdTurns),
  });
  try {
    const settings = slow.page.getByRole("dialog", { name: "Settings" });
    await slow.page.getByRole("button", { name: "Settings" }).tap();
    await expect(settings).toBeVisible();
    await settings.getByLabel("Best answer within").fill("100");
    await expect(slow.page.getByLabel("Time limit")).toHaveValue("10000");
  } finally {
    await slow.close();
  }
});

test("an uploaded photo gets an answer, at the budget of the slider", async () => {
  const { page } = app;
  await page.getByRole("button", { name: "Settings" }).tap();
  await page.getByLabel("Best answer within").fill("100");
  await expect(page.getByLabel("Best answer within")).toHaveAttribute("aria-valuetext", /10.*s/);
  await page.getByRole("button", { name: "Close", exact: true }).tap();
  await expect(page.getByLabel("Time limit")).toHaveValue("10000");
  const choosing = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Photo", exact: true }).tap();
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  const photo = sharp({ create: { width: 900, height: 1200, channels: 3, background: "#888", noise } });
  const buffer = await photo.jpeg().toBuffer();
  await (await choosing).setFiles({ name: "photo.jpg", mimeType: "image/jpeg", buffer });
  await expectAnswer();
});

test("the camera gives an answer, and goes on giving them when live", async () => {
  const { page } = app;
  await page.getByRole("button", { name: "Camera" }).tap();
  await page.getByRole("button", { name: "Take a picture" }).tap();
  await expectAnswer();
  await page.getByRole("button", { name: "Camera" }).tap();
  const live = page.getByRole("button", { name: "live" });
  await live.tap();
  await expect(live).toHaveAttribute("aria-pressed", "true");
  await expectAnswer();
  await page.getByRole("button", { name: "Close camera" }).tap();
  await expect(page.getByLabel("camera", { exact: true })).toHaveCount(0);
});

test("a visit with a live camera moves nothing under anybody's finger", async () => {
  expect(await app.page.evaluate(() => globalThis.shifts)).toBeLessThan(0.02);
});

test("there is no horizontal scroll, and every control can be reached", async () => {
  const { page } = app;
  const height = 732;
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height });
    const scrollWidth = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(scrollWidth, `width of the content on ${width} pixels`).toBeLessThanOrEqual(width);
    const controls = page.locator("button:visible, input:visible, summary:visible");
    expect(await controls.count()).toBeGreaterThan(2);
    for (const control of await controls.all()) await control.tap({ trial: true });
  }
});

/** One of the model's labels is said, and so is why it comes from where it does. */
async function expectAnswer(): Promise<void> {
  await expect(app.page.getByRole("status")).toContainText(new RegExp(labels.join("|"), "i"));
  await expect(app.page.locator(".why")).toContainText(/Your phone|The cloud/);
}

/** Runs in the page before its own scripts: whoever waits for a task of its own waits for ever. */
function holdTurns(): void {
  const { setTimeout } = globalThis;
  const isTurn = (given: unknown[]): boolean => given.length === 1 && `${given[0]}`.includes("[native code]");
  const held = (...given: Parameters<typeof setTimeout>) => (isTurn(given) ? 0 : setTimeout(...given));
  Object.assign(globalThis, { setTimeout: held });
}

/** Runs in the page before its own scripts. */
function watchShifts(): void {
  type Shift = PerformanceEntry & { readonly value: number; readonly hadRecentInput: boolean };
  globalThis.shifts = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries() as Shift[]) {
      if (!hadRecentInput) globalThis.shifts += value;
    }
  }).observe({ type: "layout-shift", buffered: true });
}

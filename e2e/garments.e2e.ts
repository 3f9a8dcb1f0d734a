import { readdirSync } from "node:fs";
import { expect } from "@playwright/test";
import { type App, openApp } from "./harness/app.ts";
import { test } from "./harness/test.ts";

const PHOTOS = readdirSync("models/resnet-clothing/samples").length;
/** Of these photos, no choice among which was made by the model. */
const LEAST_RIGHT = 0.75;

let app: App | null = null;

test.afterEach(async () => {
  await app?.close();
  app = null;
});

test("a model that knows what other photos do not show comes with photos of its own, by which others lead to it, and answers them", async ({
  service,
}) => {
  const parameters = { model: "tiny", backend: "wasm", profile: "off", budget: 10_000 };
  app = await openApp({ url: service.url, parameters });
  const { page } = app;
  await page.getByRole("link", { name: "Pictures for resnet-clothing" }).click();
  await page.waitForURL(/model=resnet-clothing/);
  await page.evaluate(() => globalThis.eddi.ready);
  const photos = page.locator(".samples button");
  await expect(photos).toHaveCount(PHOTOS);
  let right = 0;
  for (let at = 0; at < PHOTOS; at++) {
    const samples = page.getByRole("button", { name: "Samples" });
    if ((await samples.getAttribute("aria-expanded")) === "false") await samples.click();
    const label = (await photos.nth(at).locator("img").getAttribute("alt"))!.replace("photo: ", "");
    await photos.nth(at).click();
    await expect(page.locator(".viewer img")).toHaveAttribute("alt", label);
    const verdict = page.locator(".alts");
    await expect(verdict).toContainText(`labelled “${label}”`);
    if ((await verdict.textContent())!.startsWith("✓")) right += 1;
  }
  expect(right / PHOTOS).toBeGreaterThan(LEAST_RIGHT);
});

import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { expect } from "@playwright/test";
import type axe from "axe-core";
import type { Page } from "playwright";
import { FAKE_CAMERA } from "../apps/lab/rig/phone.ts";
import { ROOT } from "../apps/lab/rig/service.ts";
import { type App, openApp } from "./harness/app.ts";
import { REAL } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const DRAWINGS = 9;

let app: App;
test.beforeAll(async ({ service }) => {
  const parameters = { model: REAL, backend: "wasm", budget: 300 };
  app = await openApp({ url: service.url, parameters, flags: FAKE_CAMERA });
  await app.settle();
});
test.afterAll(() => app.close());

const tab = (name: string) => app.page.getByRole("tab", { name });

/** From an empty page on: what people see, one after the other. */
const STATES: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["start", async () => {}],
  [
    "answer",
    async () => {
      await app.page.locator(".samples button").first().tap();
      await expect(app.page.locator(".answer .label")).toBeVisible();
    },
  ],
  ["the other ways", () => app.page.getByRole("button", { name: "The other ways" }).tap()],
  ["for experts", () => app.page.getByText("For experts").tap()],
  ["the split", () => tab("The split").tap()],
  [
    "a block",
    async () => {
      await app.page.getByRole("button", { name: /^Block 2/ }).tap();
      await expect(app.page.locator(".compare li")).toHaveCount(2);
    },
  ],
  [
    "layers",
    async () => {
      await app.page.getByRole("button", { name: "Layers", exact: true }).tap();
      await expect(app.page.locator(".facts")).toBeVisible();
    },
  ],
  [
    "a split of one's own",
    async () => {
      await app.page.getByRole("button", { name: "Cut here" }).tap();
      await expect(app.page.locator(".pinned")).toContainText("You chose this split.");
      // The same photo, both ways: as it was said it would be sent, and as the Optimizer has it.
      await expect(app.page.locator(".compared li")).toHaveCount(2);
      await expect(app.page.locator(".compared li").first()).toContainText("Phone, then cloud");
      await expect(app.page.locator(".compared > p")).toContainText("Yours took");
    },
  ],
  [
    "what if",
    async () => {
      await app.page.getByRole("button", { name: "Choose for me" }).tap();
      await app.page.getByRole("button", { name: "Close block 2" }).tap();
      await tab("What if?").tap();
      await app.page.getByRole("button", { name: "CAT1" }).tap();
      await expect(app.page.locator(".why")).toContainText("On CAT1:");
      await expect(app.page.locator(".map circle")).toHaveCount(2);
      await expect(app.page.locator(".chart canvas")).toHaveCount(4);
    },
  ],
  [
    "what is tried",
    async () => {
      await app.page.getByRole("button", { name: "Try it for real" }).tap();
      await expect(app.page.locator(".top .sim")).toHaveText("Simulated: CAT1");
    },
  ],
  [
    "settings",
    async () => {
      await app.page.locator(".top .sim").tap();
      await tab("Why here?").tap();
      await app.page.getByRole("button", { name: "Settings" }).tap();
    },
  ],
  [
    "camera",
    async () => {
      await app.page.getByRole("button", { name: "Close", exact: true }).tap();
      await app.page.getByRole("button", { name: "Camera" }).tap();
      await app.page.getByRole("button", { name: "Live" }).tap();
      await expect(app.page.locator(".answer .label")).toBeVisible();
    },
  ],
];

for (const [name, open] of STATES) {
  test(`${name}: nothing that axe finds fault with, light or dark, and nothing too wide`, async () => {
    await open();
    const { page } = app;
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      expect(await faults(page), colorScheme).toEqual([]);
    }
    for (const [width, fontSize] of [
      [412, 100],
      [320, 100],
      [412, 200],
      [915, 100],
    ] as const) {
      await page.setViewportSize({ width, height: width === 915 ? 412 : 732 });
      await page.evaluate((size) => {
        document.documentElement.style.fontSize = `${size}%`;
      }, fontSize);
      const scrolls = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(scrolls, `width at ${width} pixels, text of ${fontSize} %`).toBeLessThanOrEqual(width);
    }
    await page.evaluate(() => {
      document.documentElement.style.fontSize = "";
    });
    await page.setViewportSize({ width: 412, height: 839 });
  });
}

test("drawings, for those without photos, are answered for what they show", async () => {
  const { page } = app;
  await page.getByRole("button", { name: "Close camera" }).tap();
  // By the exit that is right most often, however busy this machine is.
  await page.evaluate(() => globalThis.eddi.setBudget(10_000));
  for (let at = 0; at < DRAWINGS; at++) {
    // They fold once one is chosen.
    const samples = page.getByRole("button", { name: "Samples" });
    if ((await samples.getAttribute("aria-expanded")) === "false") await samples.tap();
    const drawings = page.locator(".samples button");
    await expect(drawings).toHaveCount(DRAWINGS);
    const label = (await drawings.nth(at).locator("img").getAttribute("alt"))!.replace("drawing: ", "");
    await drawings.nth(at).tap();
    await expect(page.locator(".viewer img")).toHaveAttribute("alt", label);
    await expect(page.locator(".alts")).toHaveText(`✓ labelled “${label}”`);
  }
});

test("a visit is saved without pictures, decided the same by the lab, and looked at again", async () => {
  const { page } = app;
  await page.getByRole("button", { name: "Settings" }).tap();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save", exact: true }).tap(),
  ]);
  const file = await download.path();
  const visit = JSON.parse(await readFile(file, "utf8"));
  expect(visit.answers.length).toBeGreaterThanOrEqual(DRAWINGS);
  expect(Object.keys(visit.answers[0])).not.toEqual(
    expect.arrayContaining(["label", "scores", "probabilities", "confidence"]),
  );
  const args = ["--import", "tsx", "apps/lab/main.ts", "replay", file];
  const told = execFileSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  expect(told).toMatch(
    /^resnet-imagenette, planned by eddi\n\d+ decisions, 0 of them other ones today\n\d+ were made in simulated conditions\n$/,
  );
  const open = page.locator("dialog input[type=file]");
  await open.setInputFiles({ name: "no.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await expect(page.locator("dialog")).toContainText(
    "expected a visit as the page saves it, got format undefined",
  );
  await open.setInputFiles(file);
  const sheet = page.getByRole("dialog", { name: "A saved visit" });
  const { answers, planning } = visit;
  await expect(sheet).toContainText(`${answers.length} photos, ${planning.decisions.length} decisions, `);
  await expect(sheet.locator(".chart canvas")).toHaveCount(4);
  await expect(sheet.locator(".lying")).toHaveCount(1);
  await sheet.getByRole("slider", { name: "Photo" }).fill("0");
  await expect(sheet.locator(".slide")).toContainText(`1 of ${answers.length}`);
  expect(await faults(page)).toEqual([]);
  await sheet.getByRole("button", { name: "Close" }).tap();
  await expect(sheet).toHaveCount(0);
});

async function faults(page: Page): Promise<readonly string[]> {
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { readonly axe: typeof axe }).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`),
  );
}

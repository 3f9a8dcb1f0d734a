import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { allEdge } from "#shared/model";
import { NO_SITE_DATA } from "../apps/lab/rig/phone.ts";
import { type AppOptions, openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { newKey } from "./harness/new-key.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

let dir: string;
let key: string;
let service: Service;
test.beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-site-data-"));
  const made = newKey("phone");
  key = made.key;
  await writeFile(join(dir, "keys"), made.line);
  service = await startService(["--keys", join(dir, "keys")]);
});
test.afterAll(async () => {
  await service.stop();
  await rm(dir, { recursive: true, force: true });
});

/** What a browser has in the place of its storages. */
type Storages = "refuse" | "lack" | "fill";

const CASES: readonly (readonly [string, Pick<AppOptions, "preferences" | "before">, string])[] = [
  ["a user who blocks all site data", { preferences: NO_SITE_DATA }, "SecurityError"],
  ["storages that are not there", { before: (browser) => spoil(browser, "lack") }, "TypeError"],
  ["storages that throw when looked at", { before: (browser) => spoil(browser, "refuse") }, "SecurityError"],
  ["storages that are full", { before: (browser) => spoil(browser, "fill") }, "QuotaExceededError"],
];

for (const [what, options, expected] of CASES) {
  test(`with ${what} the page works on both sides, only remembers nothing`, async () => {
    const failures: string[] = [];
    const model = loadModel(TINY);
    const app = await openApp({
      url: service.url,
      parameters: { model: TINY, backend: "wasm" },
      key,
      ...options,
      before: async (browser) => {
        await options.before?.(browser);
        browser.page.on("pageerror", ({ message }) => failures.push(message));
      },
    });
    try {
      const came = await app.page.evaluate(() => {
        try {
          sessionStorage.setItem("a", "1");
          return "kept";
        } catch (thrown) {
          return (thrown as Error).name;
        }
      });
      expect(came, "this browser's storage").toBe(expected);
      await app.settle();
      const image = noise(model, 1);
      const exit = model.metadata.exits.at(-1)!.id;
      expect((await app.answerNoise(image, { plan: { exit, head: ["image"] } })).source).toBe("cloud");
      expect((await app.answerNoise(image, { plan: allEdge(model, exit) })).source).toBe("edge");
      expect(app.page.url()).not.toContain(key);
      expect((await app.state()).problems).toEqual([]);

      // The next model opens as a page anew, which has to learn of the key from this one.
      await app.page.getByRole("button", { name: "Settings" }).tap();
      await app.page.getByLabel("Model").selectOption("resnet-imagenette");
      await app.page.waitForURL(/model=resnet-imagenette/);
      await app.page.evaluate(() => globalThis.eddi.ready);
      expect((await app.state()).problems).toEqual([]);
      expect(app.page.url()).not.toContain(key);
      expect(failures).toEqual([]);
    } finally {
      await app.close();
    }
  });
}

/** Takes a page's storages away before its scripts run. Workers keep theirs: of them `profile-cache.test.ts` speaks. */
async function spoil(
  { page }: { readonly page: import("@playwright/test").Page },
  how: Storages,
): Promise<void> {
  await page.addInitScript((way) => {
    const throwing = (name: string) => () => {
      throw new DOMException("this browser refuses", name);
    };
    for (const name of ["sessionStorage", "localStorage", "caches", "indexedDB"]) {
      if (way === "refuse") Object.defineProperty(globalThis, name, { get: throwing("SecurityError") });
      if (way === "lack") Object.defineProperty(globalThis, name, { value: undefined });
    }
    if (way === "fill") Storage.prototype.setItem = throwing("QuotaExceededError");
  }, how);
}

import { availableParallelism } from "node:os";
import { defineConfig } from "@playwright/test";
import { ensureChromium } from "./scripts/chromium.mjs";

/** A browser and a service each: beyond that memory is short before time is. They wait a lot: one more than there are cores leaves none idle. */
const MOST_WORKERS = 4;

// So that `npx playwright test FILE` runs as `npm test` does. Workers inherit it.
process.env.CHROME_PATH ??= await ensureChromium();

// Files run beside each other, each with browsers of its own, and share a service where they can: `harness/test.ts`.
export default defineConfig({
  testDir: "e2e",
  testMatch: "*.e2e.ts",
  globalSetup: "./e2e/harness/build.ts",
  workers: Math.min(availableParallelism() + 1, MOST_WORKERS),
  retries: 0,
  timeout: 600_000,
  expect: { timeout: 120_000 },
  forbidOnly: process.env.CI !== undefined,
  // The second one writes where PLAYWRIGHT_JSON_OUTPUT_FILE says, for scripts/test.mjs.
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [["list"], ["json"]] : "list",
});

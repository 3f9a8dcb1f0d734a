import { defineConfig } from "@playwright/test";
import { ensureChromium } from "./scripts/chromium.mjs";

// So that `npx playwright test FILE` runs as `npm test` does. Workers inherit it.
process.env.CHROME_PATH ??= await ensureChromium();

// Every file starts its own service and browser; one at a time, since they share the machine's cores.
export default defineConfig({
  testDir: "e2e",
  testMatch: "*.e2e.ts",
  workers: 1,
  retries: 0,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  forbidOnly: process.env.CI !== undefined,
  // The second one writes where PLAYWRIGHT_JSON_OUTPUT_FILE says, for scripts/test.mjs.
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [["list"], ["json"]] : "list",
});

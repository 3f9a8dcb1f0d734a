import { test as base } from "@playwright/test";
import { type Service, startService } from "./service.ts";

/**
 * A test beside others that ask the same service, which starts once and has all models. Tests that end it, or want it otherwise, start one
 * of their own.
 */
export const test = base.extend<object, { readonly service: Service }>({
  service: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads from the pattern that it needs no other fixture.
    async ({}, use) => {
      const service = await startService(["--models", "models"]);
      await use(service);
      await service.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
});

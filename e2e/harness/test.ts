import { test as base } from "@playwright/test";
import { type Service, startService } from "./service.ts";

/**
 * The `test` of all files: Playwright runs files of one kind in the same processes, so that these keep their browsers. The
 * service, for those who ask for it, starts once in each and has all models. Tests that end it, or want it otherwise, start
 * one of their own.
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

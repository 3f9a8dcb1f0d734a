import { expect } from "@playwright/test";
import { allEdge } from "#shared/model";
import { openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const model = loadModel(TINY);
const image = noise(model, 7);
const last = model.metadata.exits.at(-1)!.id;

test("a first visit measures this device, with progress, a second one remembers, and plans go by it", async ({
  service,
}) => {
  const app = await openApp({
    url: service.url,
    parameters: { model: TINY, backend: "wasm" },
    before: async ({ page }) => {
      await page.addInitScript(recordProgress);
    },
  });
  const progress = () => app.page.evaluate(() => (globalThis as unknown as { progress: string[] }).progress);
  try {
    await app.settle();
    const first = await app.state();
    expect(first.profiling.state).toBe("done");
    expect(await progress()).not.toHaveLength(0);
    const nodes = Object.keys(first.profiling.profile!.nodeMs);
    expect(nodes.length).toBeGreaterThan(0);
    expect(first.summary!.profiles.head).toContain("this device");
    expect(first.summary!.conditions.edgeScale).toBe(1);

    // The rest is measured once its weights are there.
    await app.answerNoise(image, { plan: allEdge(model, last) });
    await app.settle();
    const { profiling } = await app.state();
    const whole = allEdge(model, last).head.slice(1);
    expect(Object.keys(profiling.profile!.nodeMs)).toEqual(expect.arrayContaining(whole));

    await app.page.reload();
    await app.page.evaluate(() => globalThis.eddi.ready);
    await app.settle();
    const second = await app.state();
    expect(second.profiling).toEqual({ state: "cached", share: 1, profile: profiling.profile });
    expect(await progress()).toHaveLength(0);
    expect(second.summary!.profiles.head).toContain("this device");
    const { prediction } = await app.answerNoise(image);
    expect(prediction).not.toBeNull();
  } finally {
    await app.close();
  }
});

test("?profile=off measures nothing: plans go by others' profiles", async ({ service }) => {
  const app = await openApp({
    url: service.url,
    parameters: { model: TINY, backend: "wasm", profile: "off" },
  });
  try {
    await app.settle();
    const { profiling, summary } = await app.state();
    expect(profiling).toEqual({ state: "off", share: 0, profile: null });
    expect(summary!.profiles.head).not.toContain("this device");
  } finally {
    await app.close();
  }
});

/** Runs in the page before all else: keeps what the page says while it measures. */
function recordProgress(): void {
  const progress: string[] = [];
  Object.assign(globalThis, { progress });
  new MutationObserver(() => {
    const text = document.querySelector('progress[aria-label="Profiling"]')?.parentElement?.textContent;
    if (text) progress.push(text);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}

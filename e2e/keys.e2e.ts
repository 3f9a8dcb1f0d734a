import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import { openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { newKey } from "./harness/new-key.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const parameters = { backend: "wasm", profile: "off" };

let dir: string;
let key: string;
let service: Service;
test.beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-keys-"));
  const made = newKey("phone");
  key = made.key;
  await writeFile(join(dir, "keys"), made.line);
  service = await startService(["--keys", join(dir, "keys")]);
});
test.afterAll(async () => {
  await service.stop();
  await rm(dir, { recursive: true, force: true });
});

test("opened with a key, the page answers on both sides, takes it out of the address, and keeps it", async () => {
  const unauthorised: string[] = [];
  const violations: string[] = [];
  const app = await openApp({
    url: service.url,
    parameters: { ...parameters, model: TINY },
    key,
    before: async ({ page }) => {
      page.on("response", (response) => {
        if (response.status() === 401) unauthorised.push(response.url());
      });
      page.on("console", (message) => {
        if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
      });
    },
  });
  try {
    const image = noise(loadModel(TINY), 1);
    const ask = async () => {
      await app.settle();
      const answer = await app.answerNoise(image, { plan: { exit: "exit3", head: ["image"] } });
      expect(answer.source).toBe("cloud");
      expect((await app.state()).engine?.backend).toBe("wasm");
    };
    await ask();
    expect(app.page.url()).not.toContain(key);
    await app.page.reload();
    await app.page.evaluate(() => globalThis.eddi.ready);
    await ask();
    expect(unauthorised).toEqual([]);
    expect(violations).toEqual([]);
  } finally {
    await app.close();
  }
});

for (const model of [{}, { model: TINY }]) {
  test(`opened without one, ${JSON.stringify(model)}, it says so`, async () => {
    const app = await openApp({ url: service.url, parameters: { ...parameters, ...model }, wait: false });
    try {
      await expect(app.page.getByRole("alert")).toContainText("the service asks for a key");
    } finally {
      await app.close();
    }
  });
}

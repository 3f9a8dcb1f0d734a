import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import sharp from "sharp";
import { allCloud, allEdge, type Plan } from "#shared/model";
import { openApp } from "./harness/app.ts";
import { loadModel, noise, REAL, TINY } from "./harness/models.ts";
import { openReverseProxy, type ReverseProxy } from "./harness/reverse-proxy.ts";
import { type Service, startService } from "./harness/service.ts";
import { openVisit } from "./harness/shared-browser.ts";
import { test } from "./harness/test.ts";

const model = loadModel(TINY);
const last = model.metadata.exits.at(-1)!.id;
const parameters = { model: TINY, backend: "wasm", profile: "off" };

let dir: string;
test.beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-prefix-"));
  const photo = sharp({ create: { width: 64, height: 64, channels: 3, background: "teal" } }).jpeg();
  await mkdir(join(dir, "val", "n01440764"), { recursive: true });
  await writeFile(join(dir, "val", "n01440764", "one & only.JPEG"), await photo.toBuffer());
});
test.afterAll(() => rm(dir, { recursive: true, force: true }));

const CASES = [
  {
    title: "one that takes the prefix off, and a service that is told of nothing",
    shape: { prefix: "/a/deep.path", strips: true, keepsHost: true },
    args: [],
  },
  {
    title: "one that takes the prefix off and names the service, which trusts it",
    shape: { prefix: "/eddi", strips: true, keepsHost: false },
    args: ["--trust-proxy", "1"],
  },
  {
    title: "one that leaves the prefix in, which the service is told",
    shape: { prefix: "/ai%20lab/eddi", strips: false, keepsHost: true },
    args: ["--base-path", "/ai%20lab/eddi"],
  },
  {
    title: "one that takes off what the service is told, too",
    shape: { prefix: "/eddi", strips: true, keepsHost: true },
    args: ["--base-path", "/eddi/"],
  },
] as const;

for (const { title, shape, args } of CASES) {
  test.describe(`behind a proxy, ${title}`, () => {
    let service: Service;
    let proxy: ReverseProxy;
    test.beforeAll(async () => {
      service = await startService(["--data", dir, ...args]);
      proxy = await openReverseProxy({ port: service.port, ...shape });
    });
    test.afterAll(async () => {
      proxy.close();
      await service.stop();
    });

    test("page, both sides, photos and documents", async () => {
      const base = `${proxy.origin}${shape.prefix}`;
      const faults: string[] = [];
      const app = await openApp({ url: base, parameters, before: watch });
      async function watch({ page }: Pick<typeof app, "page">): Promise<void> {
        page.on("console", (message) => {
          if (message.type() === "error") faults.push(message.text());
        });
        page.on("response", (response) => {
          if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
        });
      }
      try {
        await app.settle();
        const ask = (plan: Plan) => app.answerNoise(noise(model, 1), { plan });
        expect((await ask(allEdge(model, last))).source).toBe("edge");
        await expect.poll(async () => (await ask(allCloud(model, last))).transport).toBe("stream");
        await app.page.reload();
        await app.page.evaluate(() => globalThis.eddi.ready);
        const photo = app.page.locator(".samples img").first();
        await expect.poll(() => photo.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(64);
        expect((await app.state()).problems).toEqual([]);

        await app.page.getByRole("button", { name: "Settings" }).tap();
        await app.page.getByRole("combobox", { name: "Model" }).selectOption(REAL);
        await app.page.waitForURL(new RegExp(`model=${REAL}`));
        await app.page.evaluate(() => globalThis.eddi.ready);
        expect((await app.state()).model?.id).toBe(REAL);

        for (const path of ["/docs", "/docs/", "/docs/static/index.html"]) {
          await app.page.goto(base + path);
          await expect(app.page.locator(".swagger-ui .info .title")).toContainText("EDDI cloud service");
        }
        await app.page.locator(".opblock-summary", { hasText: "/v2/health/live" }).click();
        await app.page.getByRole("button", { name: "Try it out" }).click();
        await app.page.getByRole("button", { name: "Execute" }).click();
        await expect(app.page.locator(".live-responses-table .response-col_status").last()).toContainText(
          "200",
        );
        expect(faults).toEqual([]);
        expect(proxy.strays).toEqual([]);
      } finally {
        await app.close();
      }
    });

    test("the address without its slash", async () => {
      const base = `${proxy.origin}${shape.prefix}`;
      const { page, close } = await openVisit(process.env.CHROME_PATH ?? null, []);
      try {
        await page.goto(`${base}?model=${TINY}&backend=wasm#x`);
        await page.waitForFunction(() => "eddi" in globalThis);
        await page.evaluate(() => globalThis.eddi.ready);
        expect(page.url()).toBe(`${base}/?model=${TINY}&backend=wasm#x`);
      } finally {
        await close();
      }
    });
  });
}

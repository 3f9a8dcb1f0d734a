import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@playwright/test";
import sharp from "sharp";
import { allCloud } from "#shared/model";
import { ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { type App, GENEROUS_MS, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL } from "./harness/models.ts";
import { type Service, startService } from "./harness/service.ts";
import { test } from "./harness/test.ts";

const LINK = { rttMs: 60, uplink: 0.4e6, downlink: 0.4e6 } as const;
const MINUTES = 60_000;

const model = loadModel(REAL);
const image = noise(model, 8);
const plan = allCloud(model, model.metadata.exits.at(-1)!.id);

let dir: string;
let service: Service;
let proxy: ShapingProxy;
let app: App;
/** Sample photos that were being fetched at a time, at most. */
let mostPictures = 0;
test.beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-slow-link-"));
  await mkdir(join(dir, "val", "n01440764"), { recursive: true });
  const raw = { width: 200, height: 150, channels: 3 } as const;
  for (let photo = 0; photo < 6; photo++) {
    const file = await sharp(randomBytes(3 * 200 * 150), { raw })
      .jpeg({ quality: 60 })
      .toBuffer();
    await writeFile(join(dir, "val", "n01440764", `${photo}.jpg`), file);
  }
  service = await startService(["--data", dir]);
  proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, LINK);
  let pictures = 0;
  app = await openApp({
    url: `http://localhost:${proxy.port}`,
    // So that the plan wants most of the model on the edge: megabytes of weights.
    parameters: { model: REAL, budget: 1000 },
    wait: false,
    before: async ({ page, context }) => {
      page.setDefaultNavigationTimeout(2 * MINUTES);
      context.on("request", (request) => {
        if (request.url().includes("/samples/photos/")) mostPictures = Math.max(mostPictures, ++pictures);
      });
      for (const event of ["requestfinished", "requestfailed"] as const) {
        context.on(event as "requestfinished", (request) => {
          if (request.url().includes("/samples/photos/")) pictures--;
        });
      }
      // Whatever the page tells of the network, from its first word on.
      await page.addInitScript(() => {
        const told: unknown[] = [];
        Object.assign(globalThis, { told });
        setInterval(() => {
          const state = globalThis.eddi?.state();
          if (state?.summary == null) return;
          const { cloud, conditions, measured } = state.summary;
          const { rttMs, uplinkBps } = conditions;
          const problems = [...document.querySelectorAll(".problems .text")].map(
            ({ textContent }) => textContent,
          );
          told.push({
            cloud,
            rttMs: measured.rtt ? rttMs : null,
            uplinkBps: measured.uplink ? uplinkBps : null,
            problems,
          });
        }, 100);
      });
    },
  });
});
test.afterAll(async () => {
  await app.close();
  await proxy.close();
  await service.stop();
  await rm(dir, { recursive: true, force: true });
});

interface Told {
  readonly cloud: string;
  readonly rttMs: number | null;
  readonly uplinkBps: number | null;
  readonly problems: readonly string[];
}

const told = (): Promise<readonly Told[]> =>
  app.page.evaluate(() => (globalThis as unknown as { told: Told[] }).told);

const weightBytes = async (): Promise<number> =>
  (await app.state()).shards.reduce((sum, { arrivedBytes }) => sum + arrivedBytes, 0);

test("while weights arrive at 0.4 Mbit/s the network is told as it is, and the cloud never as down", async () => {
  await app.page.evaluate(() => globalThis.eddi.ready);
  await expect.poll(weightBytes, { timeout: 8 * MINUTES }).toBeGreaterThan(600_000);
  const states = await told();
  expect(states.filter(({ cloud }) => cloud === "down")).toEqual([]);
  expect(states.flatMap(({ problems }) => problems)).toEqual([]);
  const uplinks = states.flatMap(({ uplinkBps }) => uplinkBps ?? []);
  expect(uplinks.length).toBeGreaterThan(0);
  for (const uplinkBps of uplinks)
    expect(Math.abs(Math.log(uplinkBps / LINK.uplink))).toBeLessThan(Math.log(2));
  // Of a busy machine's own time more; of weights on the wire it would be seconds.
  const rtts = states.flatMap(({ rttMs }) => rttMs ?? []);
  for (const rttMs of rtts) expect(rttMs).toBeGreaterThan(0.8 * LINK.rttMs);
  expect(rtts.sort((a, b) => a - b)[rtts.length >> 1]).toBeLessThan(4 * LINK.rttMs);
});

test("sample pictures come one after the other", async () => {
  const loaded = () =>
    app.page
      .locator(".samples img")
      .evaluateAll((images) => images.filter((one) => (one as HTMLImageElement).naturalWidth > 0).length);
  await expect.poll(loaded).toBeGreaterThan(2);
  expect(mostPictures).toBe(1);
});

test("weights give way to an image under way, which the cloud answers", async () => {
  for (let photo = 0; photo < 3; photo++) {
    const before = await weightBytes();
    await expect.poll(weightBytes).toBeGreaterThan(before);
    const carried = proxy.carried.down;
    // 308 kB: more than 6 s on this uplink, in which as much would come down.
    const answer = await app.answerNoise(image, { plan, codec: "float32", budgetMs: GENEROUS_MS });
    expect(answer.source).toBe("cloud");
    expect(answer.requestBytes).toBeGreaterThan(300_000);
    // The pieces that were on the wire when it came, and its reply.
    expect(proxy.carried.down - carried).toBeLessThan(150_000);
  }
});

test("what was known of the network is not shown as present while the cloud is down", async () => {
  const shown = (name: string) => app.page.locator(".status tr", { hasText: name }).locator("td");
  await expect(shown("RTT")).toContainText("ms");
  await expect(shown("uplink")).toContainText("bit/s");
  await proxy.refuse();
  proxy.reset();
  await expect(shown("cloud")).toHaveText("down");
  await expect(shown("RTT")).toHaveText("–");
  await expect(shown("uplink")).toHaveText("–");
  expect((await app.state()).summary?.measured).toMatchObject({ rtt: false, uplink: false });
  await proxy.accept();
  await expect(shown("cloud")).toHaveText("up");
  await expect(shown("RTT")).toContainText("ms");
  await expect(shown("uplink")).toContainText("bit/s");
  expect((await app.state()).problems.filter((text) => /timed out|abort/i.test(text))).toEqual([]);
});

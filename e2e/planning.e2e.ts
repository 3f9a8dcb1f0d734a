import { expect, test } from "@playwright/test";
import { allEdge } from "#shared/model";
import { Service } from "../apps/lab/demo/service.ts";
import { type LinkShape, ShapingProxy } from "../apps/lab/proxy/shaping-proxy.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL, SLOW_PHONE } from "./harness/models.ts";

const FAST: LinkShape = { rttMs: 4, uplink: 200e6, downlink: 200e6 };
const SLOW: LinkShape = { rttMs: 600, uplink: 0.1e6, downlink: 2e6 };
/** Within so many answers of a change the cut has moved. */
const ANSWERS = 5;

const model = loadModel(REAL);
const image = noise(model, 3);
const exits = model.metadata.exits.map(({ id }) => id);

let service: Service;
test.beforeAll(async () => {
  service = await Service.start();
});
test.afterAll(() => service.stop());

test("a generous budget gets the last exit, a tiny one an earlier exit", async () => {
  const app = await openApp({ url: service.url, parameters: { model: REAL, slowdown: SLOW_PHONE } });
  try {
    await app.settle();
    const generous = await app.answerNoise(image);
    expect(generous.exit).toBe(exits.at(-1));
    const tiny = await app.answerNoise(image, { budgetMs: 1 });
    expect(exits.indexOf(tiny.exit)).toBeLessThan(exits.length - 1);
    await expect.poll(async () => (await app.answerNoise(image)).exit).toBe(exits.at(-1));
  } finally {
    await app.close();
  }
});

test("a slow network moves the cut toward the edge, a fast one toward the cloud", async () => {
  const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, FAST);
  const app = await openApp({
    url: `http://localhost:${proxy.port}`,
    parameters: { model: REAL, slowdown: SLOW_PHONE },
  });
  try {
    await app.settle();
    // All weights are there from now on: what moves the cut is the network alone.
    await app.answerNoise(image, { plan: allEdge(model, exits.at(-1)!) });
    const fast = await headAfter(app);
    proxy.shape(SLOW);
    const slow = await headAfter(app);
    expect(slow, "nodes on the edge with a slow network").toBeGreaterThan(fast);
    proxy.shape(FAST);
    expect(await headAfter(app), "nodes on the edge, fast again").toBeLessThan(slow);
  } finally {
    await app.close();
    await proxy.close();
  }
});

/** How many nodes of the last exit the edge runs after some answers. */
async function headAfter(app: App): Promise<number> {
  for (let i = 1; i < ANSWERS; i++) await app.answerNoise(image);
  const { exit, plan } = await app.answerNoise(image);
  expect(exit).toBe(exits.at(-1));
  return plan.head.length;
}

import { expect } from "@playwright/test";
import { allEdge, elementCount, imageShape } from "#shared/model";
import { encodeRequest, HEADER_LENGTH } from "#shared/protocol";
import type { Service } from "../apps/lab/rig/service.ts";
import { type LinkShape, ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { type App, openApp } from "./harness/app.ts";
import { loadModel, noise, REAL, SLOW_PHONE } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const FAST: LinkShape = { rttMs: 4, uplink: 200e6, downlink: 200e6 };
const SLOW: LinkShape = { rttMs: 600, uplink: 0.1e6, downlink: 2e6 };
/** Within so many answers of a change the cut has moved. */
const ANSWERS = 5;
/** Clients whose requests wait for one another. */
const CROWD = 60;

const model = loadModel(REAL);
const image = noise(model, 3);
const exits = model.metadata.exits.map(({ id }) => id);

test("a generous budget gets the last exit, a tiny one an earlier exit", async ({ service }) => {
  // An exit on the way that is sure may answer in the place of the plan's: policies within 0.2 points of the best ask three.
  const parameters = { model: REAL, slowdown: SLOW_PHONE, early: "off" };
  const app = await openApp({ url: service.url, parameters, isShown: false });
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

test("a slow network moves the cut toward the edge, a fast one toward the cloud", async ({ service }) => {
  const proxy = await ShapingProxy.start({ host: "127.0.0.1", port: service.port }, FAST);
  const app = await openApp({
    url: `http://localhost:${proxy.port}`,
    // So slow that early exits do not pay for staying on the phone when the network is fast.
    parameters: { model: REAL, slowdown: 4 * SLOW_PHONE },
    isShown: false,
  });
  try {
    await app.settle();
    // All weights are there from now on: what moves the cut is the network alone.
    await app.answerNoise(image, { plan: allEdge(model, exits.at(-1)!) });
    const fast = await headAfter(app);
    proxy.shape(SLOW);
    let slow = fast;
    await expect
      .poll(async () => {
        slow = await headAfter(app);
        return slow;
      }, "nodes on the edge with a slow network")
      .toBeGreaterThan(fast);
    proxy.shape(FAST);
    await expect.poll(() => headAfter(app), "nodes on the edge, fast again").toBeLessThan(slow);
  } finally {
    await app.close();
    await proxy.close();
  }
});

test("the wait that others cause is known before an image is sent, and so is its end", async ({
  service,
}) => {
  const parameters = { model: REAL, slowdown: SLOW_PHONE, profile: "off" };
  const app = await openApp({ url: service.url, parameters, isShown: false });
  const queueMs = async () => (await app.state()).summary?.conditions.queueMs;
  // The crowd comes when weights are there: it would keep the whole machine from that.
  await app.settle();
  const crowd = gather(service, CROWD);
  try {
    await expect.poll(queueMs).toBeGreaterThan(50);
    await crowd.leave();
    await expect.poll(queueMs).toBeLessThan(10);
  } finally {
    await crowd.leave();
    await app.close();
  }
});

/** Other clients, each sending its next image when it has its answer, until they leave. */
function gather(service: Service, clients: number): { leave: () => Promise<void> } {
  const { input } = model.metadata;
  const shape = [1, ...imageShape(input)];
  const data = new Uint8Array(elementCount(shape));
  const inputs = [{ name: input.node, datatype: "UINT8", shape, data }] as const;
  const { body, jsonBytes } = encodeRequest({ parameters: {}, inputs, outputs: [], binaryOutputs: true });
  const headers = { "content-type": "application/octet-stream", [HEADER_LENGTH]: `${jsonBytes}` };
  let leaving = false;
  const client = async (): Promise<void> => {
    while (!leaving) {
      const sent = { method: "POST", headers, body: body as Uint8Array<ArrayBuffer> };
      await (await fetch(`${service.url}/v2/models/${REAL}/infer`, sent)).arrayBuffer();
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    leave: async () => {
      leaving = true;
      await all;
    },
  };
}

/** How many nodes of the last exit the edge runs after some answers. */
async function headAfter(app: App): Promise<number> {
  for (let i = 1; i < ANSWERS; i++) await app.answerNoise(image);
  const { plan } = await app.answerNoise(image);
  // An early exit that is sure may answer before it.
  expect(plan.exit).toBe(exits.at(-1));
  return plan.head.length;
}

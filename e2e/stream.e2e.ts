import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "@playwright/test";
import { allCloud, HEADER_BYTES } from "#shared/model";
import type { Service } from "../apps/lab/rig/service.ts";
import { ShapingProxy } from "../apps/lab/rig/shaping-proxy.ts";
import { type App, expectClose, openApp } from "./harness/app.ts";
import { loadModel, noise, TINY } from "./harness/models.ts";
import { test } from "./harness/test.ts";

const model = loadModel(TINY);
const plan = allCloud(model, model.metadata.exits.at(-1)!.id);
const SETTINGS = { model: TINY, backend: "wasm", profile: "off" };
const FAST = { rttMs: 2, uplink: 1e9, downlink: 1e9 };

let app: App | null = null;
test.afterEach(async () => {
  await app?.close();
  app = null;
});

const ask = (seed: number) => app!.answerNoise(noise(model, seed), { plan });
const transport = async (seed = 0) => (await ask(seed)).transport;
/** Calls that the service has answered over streams. */
async function streamed(service: Service): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return Number(/^eddi_requests_total\{route="\/v2\/stream",status="200"\} (\d+)/m.exec(text)?.[1] ?? 0);
}

test("the page asks over the stream once it is open, and gets the same scores as by fetch", async ({
  service,
}) => {
  app = await openApp({ url: service.url, parameters: { ...SETTINGS, transport: "fetch" } });
  const before = await streamed(service);
  const byFetch = await ask(1);
  expect([byFetch.source, byFetch.transport]).toEqual(["cloud", "fetch"]);
  expect(await streamed(service)).toBe(before);
  await app.close();

  app = await openApp({ url: service.url, parameters: SETTINGS });
  await expect.poll(() => transport()).toBe("stream");
  const counted = await streamed(service);
  const byStream = await ask(1);
  expect([byStream.source, byStream.transport]).toEqual(["cloud", "stream"]);
  // Another engine of the service may have taken over meanwhile.
  expectClose(byStream.scores, byFetch.scores, 1e-5);
  expect(await streamed(service)).toBe(counted + 1);
  // Several at once, each with its own answer; the service may run them together, which changes last bits.
  const alone = await ask(2);
  const together = await Promise.all([ask(1), ask(2), ask(1), ask(2)]);
  for (const [at, expected] of [byStream, alone, byStream, alone].entries()) {
    expectClose(together[at]!.scores, expected.scores, 1e-5);
  }
  expect((await app.state()).problems).toEqual([]);
});

test("plans count the headers of the way that the latest request took", async ({ service }) => {
  /** Of a request of the plan that is now wanted: the slow edge leaves all to the cloud, unless that seems down. */
  const plannedBytes = async () => {
    const { plan: planned, prediction, conditions } = (await app!.state()).summary!;
    const isAllCloud = planned?.head.length === plan.head.length;
    return isAllCloud ? (prediction!.latency.uplinkMs * conditions.uplinkBps) / 8000 : Number.NaN;
  };
  const slow = { ...SETTINGS, slowdown: 500 };
  app = await openApp({ url: service.url, parameters: { ...slow, transport: "fetch" } });
  await app.settle();
  await ask(1);
  let byFetch = Number.NaN;
  await expect
    .poll(async () => {
      byFetch = await plannedBytes();
      return byFetch;
    })
    .not.toBeNaN();
  await app.close();

  app = await openApp({ url: service.url, parameters: slow });
  await app.settle();
  const saved = HEADER_BYTES.fetch.request - HEADER_BYTES.stream.request;
  // The page hears of the new plan a moment after the answer; a stream that stalls gives way to a fetch for a while.
  await expect
    .poll(async () => ((await transport()) === "stream" ? plannedBytes() : Number.NaN))
    .toBeCloseTo(byFetch - saved, 3);
});

test("behind a proxy that knows no WebSocket the page goes on by fetch", async ({ service }) => {
  const proxy = await httpOnlyProxy(service.port);
  app = await openApp({
    url: `http://localhost:${(proxy.address() as AddressInfo).port}`,
    parameters: SETTINGS,
  });
  for (let seed = 0; seed < 6; seed++) {
    const answer = await ask(seed);
    expect([answer.source, answer.transport]).toEqual(["cloud", "fetch"]);
  }
  expect((await app.state()).problems).toEqual([]);
  proxy.closeAllConnections();
  proxy.close();
});

test("streams pass the shaping proxy; when its connections break, answers go on and the stream comes back", async ({
  service,
}) => {
  const proxy = await ShapingProxy.start({ host: "localhost", port: service.port }, FAST);
  app = await openApp({ url: `http://localhost:${proxy.port}`, parameters: SETTINGS });
  await expect.poll(() => transport()).toBe("stream");
  proxy.reset();
  const after = await ask(3);
  expect(after.source).toBe("cloud");
  await expect.poll(() => transport()).toBe("stream");
  await proxy.close();
});

/** Forwards requests, and drops whoever wants another protocol. */
async function httpOnlyProxy(port: number): Promise<Server> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const forwarded = request({ host: "localhost", port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on("error", () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  proxy.on("upgrade", (_, socket) => socket.destroy());
  proxy.listen(0, "localhost");
  await once(proxy, "listening");
  return proxy;
}

import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { INFER, killServices, sendTraffic, startService } from "./testing/child-fixture.ts";

/** Nothing is judged by its speed. */
const PATIENCE = { interval: 50 };

/** However slow the machine is, none is told to come back later. */
const PATIENT = ["--max-queue-ms", "600000"];

afterEach(killServices);

const health = async (url: string, path: string) => {
  const answer = await fetch(`${url}/v2/health/${path}`);
  return { status: answer.status, connection: answer.headers.get("connection"), body: await answer.json() };
};

test("SIGTERM under keep-alive traffic: no request fails, and the process ends with 0", async () => {
  const [leaving, staying] = await Promise.all([
    startService("--drain-ms", "6000", ...PATIENT),
    startService(...PATIENT),
  ]);
  // What a load balancer does: it asks now and then, and sends to those that are ready.
  let targets = [leaving.url, staying.url];
  const checks = setInterval(async () => {
    const isReady = await health(leaving.url, "ready").then(
      ({ status }) => status === 200,
      () => false,
    );
    if (!isReady) targets = [staying.url];
  }, 400);
  let next = 0;
  const traffic = sendTraffic(20, () => targets[next++ % targets.length]!);
  await expect.poll(() => traffic.answered.get(leaving.url) ?? 0, PATIENCE).toBeGreaterThan(20);

  leaving.child.kill("SIGTERM");
  await expect.poll(async () => (await health(leaving.url, "ready")).status, PATIENCE).toBe(503);
  const before = traffic.answered.get(leaving.url)!;
  expect(await health(leaving.url, "ready")).toEqual({
    status: 503,
    connection: "close",
    body: { ready: false, error: "the service is draining: it serves what comes, and ends soon" },
  });
  expect(await health(leaving.url, "live")).toMatchObject({ status: 200, body: { live: true } });
  const late = await fetch(`${leaving.url}${INFER.path}`, INFER);
  expect(late.status).toBe(200);
  expect((await leaving.ended).code).toBe(0);
  await traffic.stop();
  clearInterval(checks);
  expect(traffic.failures).toEqual([]);
  // It went on serving while the balancer did not know.
  expect(traffic.answered.get(leaving.url)!).toBeGreaterThan(before);
  expect(traffic.answered.get(staying.url)!).toBeGreaterThan(20);
});

test("a request that is under way when the drain ends is answered; new connections are not taken", async () => {
  const { child, url, port, ended } = await startService("--drain-ms", "300");
  const headers = { ...INFER.headers, "content-length": INFER.body.byteLength };
  const slow = httpRequest(`${url}${INFER.path}`, { method: "POST", headers });
  slow.write(INFER.body.subarray(0, 100));
  await sleep(200);
  child.kill("SIGTERM");
  const refused = async () => {
    const probe = await fetch(`http://127.0.0.1:${port}/v2/health/live`).catch((error) => error.cause.code);
    return probe instanceof Response ? "taken" : probe;
  };
  await expect.poll(refused, PATIENCE).toBe("ECONNREFUSED");
  slow.end(INFER.body.subarray(100));
  const [answer] = await once(slow, "response");
  expect(answer.statusCode).toBe(200);
  expect(answer.headers.connection).toBe("close");
  answer.resume();
  expect((await ended).code).toBe(0);
});

test("a second signal ends at once; Ctrl-C does not wait for load balancers", async () => {
  const [twice, once] = await Promise.all([
    startService("--drain-ms", "3600000"),
    startService("--drain-ms", "3600000"),
  ]);
  twice.child.kill("SIGTERM");
  await expect.poll(async () => (await health(twice.url, "ready")).status, PATIENCE).toBe(503);
  twice.child.kill("SIGTERM");
  expect((await twice.ended).code).toBe(1);
  once.child.kill("SIGINT");
  expect((await once.ended).code).toBe(0);
});

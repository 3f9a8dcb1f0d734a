import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { killServices, sendTraffic, startService } from "./testing/child-fixture.ts";

const CONFIG = fileURLToPath(new URL("../../deploy/haproxy/haproxy.cfg", import.meta.url));
const CLIENTS = 50;

let proxy: ChildProcess | null = null;
afterEach(() => {
  proxy?.kill("SIGKILL");
  killServices();
});

test.skipIf(!hasHaproxy())(
  "three replicas behind HAProxy (needs haproxy): one is killed, one drained, one added; no client sees an error after its one retry",
  async () => {
    const [front, ...ports] = await Promise.all([1, 2, 3, 4].map(freePort));
    const start = (at: number) => startService("--port", `${ports[at]}`, "--drain-ms", "5000");
    const [killed, drained] = await Promise.all([start(0), start(1)]);
    const url = `http://127.0.0.1:${front}`;
    const env = Object.fromEntries(ports.map((port, at) => [`EDDI_REPLICA_${at + 1}`, `127.0.0.1:${port}`]));
    proxy = spawn("haproxy", ["-db", "-q", "-f", CONFIG], {
      env: { ...process.env, ...env, EDDI_LISTEN: `127.0.0.1:${front}` },
      stdio: "inherit",
    });
    await expect.poll(() => isReady(url)).toBe(true);

    const traffic = sendTraffic(CLIENTS, () => url, 1);
    const answered = () => traffic.answered.get(url) ?? 0;
    const goesOn = async (requests: number) => {
      const from = answered();
      await expect
        .poll(() => answered() - from, { timeout: 200_000, interval: 100 })
        .toBeGreaterThan(requests);
    };
    await goesOn(100);
    const added = await start(2);
    await goesOn(100);
    killed.child.kill("SIGKILL");
    await goesOn(100);
    // The killed one comes back on its port, and one of the others is drained.
    const again = await start(0);
    await goesOn(100);
    drained.child.kill("SIGTERM");
    expect((await drained.ended).code).toBe(0);
    await goesOn(100);
    await traffic.stop();

    expect(traffic.failures).toEqual([]);
    // Both newcomers took their part.
    for (const { url } of [added, again]) expect(await tailsOf(url)).toBeGreaterThan(10);
  },
  500_000,
);

function hasHaproxy(): boolean {
  try {
    execFileSync("haproxy", ["-v"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/v2/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

async function tailsOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^eddi_compute_duration_seconds_count\{model="tiny"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  await sleep(0);
  return port;
}

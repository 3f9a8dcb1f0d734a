import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { generate } from "selfsigned";
import { afterEach, expect, test } from "vitest";
import { killServices, startService } from "../testing/child-fixture.ts";
import { inferCall, openStream, type StreamClient } from "./stream-fixture.ts";

const PATIENCE = { interval: 50 };

afterEach(killServices);

/** Several calls under way at any time, on a stream that is left when the service asks for it. */
async function keepAsking(url: string) {
  const client = await openStream(url);
  const traffic = { answered: 0, failures: [] as string[], ended: Promise.resolve() };
  let leaving = false;
  void client.left.then(() => {
    leaving = true;
  });
  let id = 0;
  const loop = async (): Promise<void> => {
    while (!leaving) {
      try {
        const { status } = await client.ask(inferCall(id++));
        if (status === 200) traffic.answered++;
        else traffic.failures.push(`${status}`);
      } catch (thrown) {
        traffic.failures.push(String(thrown));
        return;
      }
    }
  };
  traffic.ended = Promise.all([loop(), loop(), loop(), loop()]).then(() => client.socket.close());
  return traffic;
}

test("SIGTERM under traffic of streams: clients leave, no call fails, and the process ends with 0", async () => {
  const service = await startService("--drain-ms", "1000");
  const clients = await Promise.all(Array.from({ length: 4 }, () => keepAsking(service.url)));
  await expect.poll(() => Math.min(...clients.map(({ answered }) => answered)), PATIENCE).toBeGreaterThan(10);
  service.child.kill("SIGTERM");
  await Promise.all(clients.map(({ ended }) => ended));
  expect((await service.ended).code).toBe(0);
  expect(clients.flatMap(({ failures }) => failures)).toEqual([]);
});

test("a stream that stays is served through the drain, its last calls are answered, then it is closed", async () => {
  const { child, url, ended } = await startService("--drain-ms", "1500");
  const client: StreamClient = await openStream(url);
  child.kill("SIGTERM");
  await client.left;
  expect((await client.ask(inferCall(1))).status).toBe(200);
  // Under way when the drain ends: more than one worker can do at once.
  const answers: Promise<number | string>[] = [];
  const until = Date.now() + 2_500;
  let open = true;
  void client.closed.then(() => {
    open = false;
  });
  for (let id = 2; open && Date.now() < until; id++) {
    answers.push(client.ask(inferCall(id, { images: 8 })).then(({ status }) => status, String));
    await sleep(20);
  }
  const statuses = await Promise.all(answers);
  expect(await client.closed).toEqual({ code: 1012, reason: "the service ends" });
  // Refused, at the very end, or sent as the stream closed; nothing was taken and then lost.
  expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(0);
  for (const status of statuses) expect([200, 503, "Error: closed: 1012 the service ends"]).toContain(status);
  expect((await ended).code).toBe(0);
});

test("streams come over HTTPS too", async () => {
  const dir = await mkdtemp(join(tmpdir(), "eddi-stream-"));
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const pems = await generate([{ name: "commonName", value: "localhost" }]);
  await Promise.all([writeFile(cert, pems.cert), writeFile(key, pems.private)]);
  const args = ["--tls-port", "0", "--tls-host", "127.0.0.1", "--tls-cert", cert, "--tls-key", key];
  const { child, ended, secureUrl } = await startService(...args, "--drain-ms", "0");
  const client = await openStream(secureUrl!, { rejectUnauthorized: false });
  expect((await client.ask(inferCall(1))).status).toBe(200);
  child.kill("SIGTERM");
  await client.left;
  expect((await client.closed).code).toBe(1012);
  expect((await ended).code).toBe(0);
  await rm(dir, { recursive: true });
});

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newKey } from "../guard/keys.ts";
import { buildServer, type CloudServer } from "../server.ts";
import { INFER } from "../testing/child-fixture.ts";
import { testConfig } from "../testing/fixture.ts";
import { inferCall, openStream } from "./stream-fixture.ts";

const [ADA, BOB] = [newKey("ada"), newKey("bob")];
const LARGE = 32;

let dir: string;
let server: CloudServer;
let url: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "eddi-fair-"));
  const keysFile = join(dir, "keys");
  await writeFile(keysFile, `${ADA.line}\n${BOB.line}\n`);
  server = await buildServer(testConfig({ keysFile, maxQueueMs: 600_000, requestTimeoutMs: 600_000 }));
  await server.ready;
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  url = `http://127.0.0.1:${(server.app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await server.close(0);
  await rm(dir, { recursive: true });
});

const streamOf = ({ key }: { key: string }) => openStream(url, { headers: { "x-api-key": key } });
/** Answers of large requests that are there, while a stream has as many under way as it may. */
const flood = async (client: Awaited<ReturnType<typeof openStream>>) => {
  let answered = 0;
  const all = Array.from({ length: LARGE }, (_, id) =>
    client.ask(inferCall(id, { images: 32, exit: "exit3" })).then(({ status }) => {
      expect(status).toBe(200);
      answered++;
    }),
  );
  return { answered: () => answered, ended: Promise.all(all) };
};

test("a call on one stream does not wait for all that another client's stream has sent", async () => {
  const [large, light] = [await streamOf(BOB), await streamOf(ADA)];
  // Its time is known, and so are those of large ones.
  await light.ask(inferCall(0));
  await (await flood(large)).ended;
  const { answered, ended } = await flood(large);
  const reply = await light.ask(inferCall(1));
  expect(reply.status).toBe(200);
  expect(answered()).toBeLessThan(LARGE / 2);
  await ended;
  for (const { socket } of [large, light]) socket.terminate();
});

test("nor does a request of HTTP, and a stream's owner is one client with its other connections", async () => {
  const large = await streamOf(BOB);
  const pool = new Pool(url, { connections: 1, pipelining: 1 });
  const infer = async ({ key }: { key: string }): Promise<number> => {
    const { statusCode, body } = await pool.request({
      ...INFER,
      headers: { ...INFER.headers, "x-api-key": key },
    });
    await body.dump();
    return statusCode;
  };
  for (const client of [ADA, BOB]) {
    const { answered, ended } = await flood(large);
    expect(await infer(client)).toBe(200);
    expect(answered()).toBeLessThan(LARGE / 2);
    await ended;
  }
  await pool.close();
  large.socket.terminate();
});

import { connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import { Agent } from "undici";
import { afterAll, expect, test, vi } from "vitest";
import { type Random, randomFrom } from "#shared/random";
import { type Child, INFER, killServices, startService } from "../testing/child-fixture.ts";
import { malformedBytes } from "./malformed-bytes-fixture.ts";
import { INNER, malformed } from "./malformed-fixture.ts";

/** `MALFORMED=1000000` for a night. */
const COUNT = Number(process.env.MALFORMED ?? 20_000);
/** Buffers that wait for the collector let a process grow by as much again in its first thousands of requests. */
const WARM_UP = Math.min(8_000, COUNT);
const CLIENTS = 8;
/** The share that goes over bare sockets, one connection each. */
const RAW_SHARE = 0.05;
const MOST_GROWTH_BYTES = 50 * 2 ** 20;

afterAll(() => {
  vi.unstubAllEnvs();
  killServices();
});

/** By kind and status, and what is not as it should be. */
interface Tally {
  readonly counts: Map<string, number>;
  readonly wrong: string[];
}

test(`${COUNT} malformed requests: each is refused and told why, the process stays and does not grow`, async () => {
  // Node 24 gives young objects up to 100 MB more room: that is no growth.
  vi.stubEnv("NODE_OPTIONS", `${process.env.NODE_OPTIONS ?? ""} --max-semi-space-size=16`);
  const service = await startService();
  const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
  const tally: Tally = { counts: new Map(), wrong: [] };
  await sendAll(service, agent, WARM_UP, 1, tally);
  const before = await settledBytes(service, agent, Number.POSITIVE_INFINITY);
  await sendAll(service, agent, COUNT, 2, tally);
  const growth = (await settledBytes(service, agent, before + MOST_GROWTH_BYTES)) - before;

  expect(tally.wrong.slice(0, 20)).toEqual([]);
  const told = [...tally.counts].reduce((sum, [name, count]) => sum + (name.endsWith(" 200") ? 0 : count), 0);
  // Some changes leave a request good.
  expect(told).toBeGreaterThan(0.9 * (WARM_UP + COUNT));
  expect(growth).toBeLessThan(MOST_GROWTH_BYTES);
  expect(await sendGood(service, agent)).toBe(200);
  if (process.env.MALFORMED !== undefined) {
    console.log(`grew by ${(growth / 2 ** 20).toFixed(1)} MiB`, Object.fromEntries([...tally.counts].sort()));
  }
  await agent.destroy();
  service.child.kill("SIGINT");
  const { code, err } = await service.ended;
  expect([code, err]).toEqual([0, ""]);
}, 1_200_000);

async function sendAll(
  service: Child,
  agent: Agent,
  count: number,
  seed: number,
  tally: Tally,
): Promise<void> {
  const random = randomFrom(seed);
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent++ < count) await (random() < RAW_SHARE ? sendRaw : sendOne)(service, agent, random, tally);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function sendOne({ url }: Child, agent: Agent, random: Random, tally: Tally): Promise<void> {
  const { kind, ...options } = malformed(random);
  try {
    const { statusCode, body } = await agent.request({
      origin: url,
      ...options,
      method: options.method as "POST",
    });
    note(tally, kind, statusCode, await body.text());
  } catch (thrown) {
    tally.wrong.push(`${kind}: ${thrown}`.slice(0, 300));
  }
}

/** One in five byte by byte, as chunks of their own where the network leaves them so. */
async function sendRaw({ port }: Child, _: Agent, random: Random, tally: Tally): Promise<void> {
  const bytes = malformedBytes(random);
  const oneByOne = random() < 0.2 && bytes.length < 300;
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  // The other side may close before all of it has been sent.
  socket.on("error", () => {});
  if (oneByOne) for (const byte of bytes) socket.write(Uint8Array.of(byte));
  else socket.write(bytes);
  socket.end();
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  await new Promise((resolve) => socket.once("close", resolve));
  for (const one of answer.split(/(?=HTTP\/1\.1 \d{3} )/).filter(Boolean)) {
    const [head = "", body = ""] = one.split("\r\n\r\n");
    note(tally, "bare bytes", Number(head.slice(9, 12)), body);
  }
}

function note({ counts, wrong }: Tally, kind: string, status: number, body: string): void {
  counts.set(`${kind}: ${status}`, (counts.get(`${kind}: ${status}`) ?? 0) + 1);
  if (status === 200) return;
  if (status < 400 || status > 499 || !isError(body)) wrong.push(`${kind}: ${status} ${body.slice(0, 300)}`);
  else if (INNER.test(body)) wrong.push(`${kind} tells what is inside: ${body.slice(0, 300)}`);
}

function isError(body: string): boolean {
  try {
    const { error, ...rest } = JSON.parse(body);
    return (
      typeof error === "string" && error.length > 5 && error.length < 2_000 && Object.keys(rest).length === 0
    );
  } catch {
    return false;
  }
}

/**
 * Its resident memory, after good requests that give the collector a reason to run, and rests that give it the time: until it
 * fits, or 20 times.
 */
async function settledBytes(service: Child, agent: Agent, limit: number): Promise<number> {
  for (let rounds = 20; ; rounds--) {
    for (let good = 0; good < 200; good++) expect(await sendGood(service, agent)).toBe(200);
    const { body } = await agent.request({ origin: service.url, path: "/metrics", method: "GET" });
    const bytes = Number(/^process_resident_memory_bytes (\d+)$/m.exec(await body.text())?.[1]);
    if (bytes < limit || rounds === 0) return bytes;
    await setTimeout(500);
  }
}

async function sendGood(service: Child, agent: Agent): Promise<number> {
  const { statusCode, body } = await agent.request({ origin: service.url, ...INFER });
  await body.dump();
  return statusCode;
}

import { readdirSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { INFER } from "../testing/child-fixture.ts";
import { probeHealth, type Summary, summary } from "./load.ts";
import { type Service, startService } from "./service.ts";

export interface SiegeOptions {
  readonly engine: string;
  /** Of the service; any, if not given. */
  readonly cores?: string | undefined;
  readonly say: (what: string) => void;
}

/** As of a container: the service may take no more. */
const MEMORY_BYTES = 2 * 2 ** 30;
const CONNECTIONS = 1_000;
const BODY_BYTES = 16 << 20;
const SENT_BYTES = 15 << 20;
/** So many addresses, each within its own bound of connections; or all from one. */
const ADDRESSES = { "from eight addresses": 8, "from one address": 1 } as const;
const SAMPLE_MS = 20;
/** Until nobody gets any further. */
const QUIET_MS = 3_000;
const LONGEST_MS = 30_000;
const SETTLE_MS = 2_000;

interface Health extends Summary {
  /** Not answered at all. */
  readonly failed: number;
  readonly max: number;
}

/**
 * 1,000 connections, each with 15 MB of a body of 16 MB under way, in the memory of a container of 2 GiB: what becomes of
 * the service, and how long it takes to say that it lives meanwhile, on its own port and on that for management.
 */
export async function besiege({ engine, cores, say }: SiegeOptions): Promise<object> {
  const results: Record<string, object> = {};
  for (const [name, addresses] of Object.entries(ADDRESSES)) {
    say(`${CONNECTIONS} bodies that do not end, ${name}`);
    const managementPort = await freePort();
    // An eighth of the memory, as the service itself would take it of a container's.
    const args = ["--management-port", `${managementPort}`, "--max-bytes-under-way", `${MEMORY_BYTES / 8}`];
    // Node makes its heap a quarter of the container's memory, which decides how soon buffers are collected.
    const heap = `NODE_OPTIONS=--max-old-space-size=${MEMORY_BYTES / 4 / 2 ** 20}`;
    const limit = { prefix: ["prlimit", `--data=${MEMORY_BYTES}`, "env", heap] };
    const service = await startService(engine, 2, cores, { args, headers: {}, ...limit });
    try {
      results[name] = await siege(service, `http://127.0.0.1:${managementPort}`, addresses);
      say(JSON.stringify(results[name]));
    } finally {
      await service.stop();
    }
  }
  return {
    memoryMb: MEMORY_BYTES / 2 ** 20,
    connections: CONNECTIONS,
    sentMb: SENT_BYTES / 2 ** 20,
    ...results,
  };
}

async function siege(service: Service, management: string, addresses: number): Promise<object> {
  const probes = await Promise.all([probeHealth(service.url), probeHealth(management)]);
  let peak = 0;
  const sample = setInterval(() => {
    if (service.end() === null) peak = Math.max(peak, service.rssBytes());
  }, SAMPLE_MS);
  const before = openFiles(service.pid);
  const piece = Buffer.alloc(SENT_BYTES);
  const port = Number(new URL(service.url).port);
  const clients = Array.from({ length: CONNECTIONS }, (_, at) => {
    return new Client(port, `127.0.0.${2 + (at % addresses)}`, piece);
  });
  await untilQuiet(clients);
  const open = clients.filter(({ socket }) => !socket.destroyed).length;
  const end = service.end();
  const ready = await fetch(`${service.url}/v2/health/ready`).then(
    ({ status }) => status,
    () => 0,
  );
  const infer = await fetch(`${service.url}${INFER.path}`, INFER).then(
    ({ status }) => status,
    () => 0,
  );
  for (const { socket } of clients) socket.destroy();
  const [own, managed] = await Promise.all(probes.map((probe) => probe.stop()));
  clearInterval(sample);
  await sleep(SETTLE_MS);
  return {
    sentGb: clients.reduce((sum, { socket }) => sum + socket.bytesWritten, 0) / 1e9,
    answers: countOf(clients.map(({ status }) => status ?? "none")),
    open,
    ended: end,
    readyAtTheEnd: ready,
    inferAtTheEnd: infer,
    peakRssMb: peak / 2 ** 20,
    healthMs: healthOf(own!),
    managementHealthMs: healthOf(managed!),
    filesLeft: end === null ? openFiles(service.pid) - before : null,
  };
}

/** Sends the most of a body, and then nothing more. */
class Client {
  readonly socket: Socket;
  status: string | null = null;

  constructor(port: number, localAddress: string, bytes: Buffer) {
    this.socket = connect({ port, host: "127.0.0.1", localAddress });
    this.socket.on("error", () => {});
    this.socket.on("data", (data) => {
      this.status ??= data.toString("latin1", 9, 12);
    });
    this.socket.write(`POST ${INFER.path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${BODY_BYTES}\r\n\r\n`);
    this.socket.write(bytes);
  }
}

async function untilQuiet(clients: readonly Client[]): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  let [last, sinceMs] = ["", performance.now()];
  while (performance.now() < endMs && performance.now() - sinceMs < QUIET_MS) {
    const open = clients.filter(({ socket }) => !socket.destroyed);
    const unsent = open.reduce((sum, { socket }) => sum + socket.writableLength, 0);
    const now = `${open.length} ${unsent}`;
    if (now !== last) [last, sinceMs] = [now, performance.now()];
    await sleep(50);
  }
}

function healthOf(times: readonly number[]): Health {
  const answered = times.filter(Number.isFinite);
  return { ...summary(answered), max: Math.max(0, ...answered), failed: times.length - answered.length };
}

function countOf(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** What a process has open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

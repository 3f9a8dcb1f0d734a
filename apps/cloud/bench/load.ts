import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Pool } from "undici";
import type { HealthSetup } from "./health-probe.ts";
import type { Workload } from "./workload.ts";

/** Milliseconds of many samples. */
export interface Summary {
  readonly count: number;
  readonly median: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface OpenLoop {
  /** Milliseconds from when a request was due until its answer was there. */
  readonly answered: readonly number[];
  /** The same of refusals: 503, 504 and 429. */
  readonly refused: readonly number[];
  /** What got another answer, or none. */
  readonly failed: number;
  /** As of a closed loop. */
  readonly clientCores: number;
}

/** Connections that an open loop may open: what is due is sent, whatever is under way. */
const MAX_CONNECTIONS = 512;
const REFUSALS = [429, 503, 504];

export interface ClosedLoop {
  /** Requests per second. */
  readonly throughput: number;
  readonly latency: Summary;
  /** Processor time of these clients, per second: what is missing to a service on the same machine. */
  readonly clientCores: number;
}

/** So many clients, each sending its next request when it has its answer. */
export async function closedLoop(
  url: string,
  workload: Workload,
  clients: number,
  seconds: number,
): Promise<ClosedLoop> {
  const pool = new Pool(url, { connections: clients, pipelining: 1 });
  const request = workload.request(null);
  const endMs = performance.now() + 1000 * seconds;
  const times: number[] = [];
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const startMs = performance.now();
      const { statusCode, body } = await pool.request(request);
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`expected 200, got ${statusCode}: ${text.slice(0, 200)}`);
      times.push(performance.now() - startMs);
    }
  };
  const cores = coresSince();
  await Promise.all(Array.from({ length: clients }, client));
  const clientCores = cores();
  await pool.close();
  return { throughput: times.length / seconds, latency: summary(times), clientCores };
}

/** Requests that nobody could answer in time, until the service's code for refusals is compiled too. */
export async function warmRefusals(
  url: string,
  workload: Workload,
  clients: number,
  seconds: number,
): Promise<void> {
  const pool = new Pool(url, { connections: clients, pipelining: 1 });
  const request = workload.request(0);
  const endMs = performance.now() + 1000 * seconds;
  const client = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const { body } = await pool.request(request);
      await body.dump();
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await pool.close();
}

/**
 * Requests at a constant rate, whether answers come or not; latency counts from when a request was due, so that a
 * service that stalls is not forgiven what it did not let be sent (coordinated omission).
 *
 * @param timeoutMs that each request has from when it was due; null for none
 */
export async function openLoop(
  url: string,
  workload: Workload,
  rate: number,
  seconds: number,
  timeoutMs: number | null,
): Promise<OpenLoop> {
  const pool = new Pool(url, { connections: MAX_CONNECTIONS, pipelining: 1 });
  const answered: number[] = [];
  const refused: number[] = [];
  let failed = 0;
  const send = async (dueMs: number): Promise<void> => {
    try {
      const leftMs = timeoutMs === null ? null : timeoutMs - (performance.now() - dueMs);
      const { statusCode, body } = await pool.request(workload.request(leftMs));
      await body.arrayBuffer();
      const ms = performance.now() - dueMs;
      if (statusCode === 200) answered.push(ms);
      else if (REFUSALS.includes(statusCode)) refused.push(ms);
      else failed++;
    } catch {
      failed++;
    }
  };
  const cores = coresSince();
  const startMs = performance.now();
  const sent: Promise<void>[] = [];
  const total = Math.round(rate * seconds);
  const nextDueMs = () => startMs + (1000 * sent.length) / rate;
  while (sent.length < total) {
    const nowMs = performance.now();
    while (sent.length < total && nextDueMs() <= nowMs) sent.push(send(nextDueMs()));
    await sleep(Math.max(1, nextDueMs() - nowMs));
  }
  await Promise.all(sent);
  const clientCores = cores();
  await pool.close();
  return { answered, refused, failed, clientCores };
}

/** Of this process: its processor time by the time that passes from now on. */
function coresSince(): () => number {
  const before = process.cpuUsage();
  const startMs = performance.now();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / (performance.now() - startMs);
  };
}

/** Asks whether the service lives, again and again, from a thread of its own: this one is busy with the load. */
export async function probeHealth(url: string): Promise<{ stop(): Promise<readonly number[]> }> {
  const entry = new URL("./health-probe.ts", import.meta.url).href;
  const workerData: HealthSetup = { entry, url };
  const probe = new Worker(new URL("../worker/worker-bootstrap.mjs", import.meta.url), { workerData });
  await once(probe, "message");
  return {
    stop: async () => {
      probe.postMessage("stop");
      const [times] = (await once(probe, "message")) as [readonly number[]];
      return times;
    },
  };
}

export function summary(times: readonly number[]): Summary {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  return { count: times.length, median: at(0.5), p95: at(0.95), p99: at(0.99) };
}

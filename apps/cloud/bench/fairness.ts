import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { decodeResponse, HEADER_LENGTH } from "#shared/protocol";
import { newKey } from "../guard/keys.ts";
import { type Summary, summary } from "./load.ts";
import { type Service, startService } from "./service.ts";
import { readWorkload, type Workload } from "./workload.ts";

export interface FairnessOptions {
  readonly engine: string;
  readonly workers: number;
  /** Of each phase. */
  readonly seconds: number;
  /** What clients are compared by. */
  readonly tail: { readonly model: string; readonly cut: string; readonly exit: string };
  /** Of the service; any, if not given. */
  readonly cores?: string | undefined;
  readonly say: (what: string) => void;
}

/** Some clients that do the same: each sends its next request when it has its answer. */
interface Group {
  readonly name: string;
  readonly key: string;
  readonly clients: number;
  readonly workload: Workload;
  readonly images: number;
}

interface Outcome {
  /** Of all that workers did, by the time that they took. */
  readonly share: number;
  readonly answersPerSecond: number;
  readonly imagesPerSecond: number;
  readonly batchImages: number;
  readonly latency: Summary;
}

const CLIENTS = 4;
const MANY_CLIENTS = 16;
const MANY_IMAGES = 32;
/** Until times are learnt, and code is compiled. */
const WARM_UP_S = 5;
const LIGHT = "mobilenet-imagenette";
const HEAVY = "inception-imagenette";

/**
 * Loads a service with two that ask for more than there is, each alone and both together: two clients, each with a key
 * of its own, of which one sends large requests; two models of one client, of which one is heavy.
 *
 * @returns shares and rates of each case, and the least share of any
 */
export async function shareOut(options: FairnessOptions): Promise<object> {
  const { engine, workers, seconds, tail, cores, say } = options;
  const [ada, bob] = [newKey("ada"), newKey("bob")];
  const dir = await mkdtemp(join(tmpdir(), "eddi-fairness-"));
  await writeFile(join(dir, "keys"), `${ada.line}\n${bob.line}\n`);
  const args = ["--keys", join(dir, "keys"), "--max-queue-ms", "600000", "--request-timeout-ms", "600000"];
  const service = await startService(engine, workers, cores, { args, headers: { "x-api-key": ada.key } });
  const read = (images: number) => readWorkload(tail.model, tail.cut, tail.exit, images);
  const whole = (model: string, images: number) => readWorkload(model, "image", undefined, images);
  const one = (name: string, key: string, workload: Workload, clients = CLIENTS): Group => {
    return { name, key, clients, workload, images: 1 };
  };
  const many = (name: string, key: string, workload: Workload): Group => {
    return { name, key, clients: CLIENTS, workload, images: MANY_IMAGES };
  };
  const cases: Record<string, readonly [Group, Group]> = {
    "clients: one image a request, 32 images a request": [
      one("one", ada.key, await read(1)),
      many("many", bob.key, await read(MANY_IMAGES)),
    ],
    "clients: 4 connections, 16 connections": [
      one("few", ada.key, await read(1)),
      one("more", bob.key, await read(1), MANY_CLIENTS),
    ],
    "models of one client: light, heavy": [
      one("light", ada.key, await whole(LIGHT, 1)),
      one("heavy", ada.key, await whole(HEAVY, 1)),
    ],
    "models of one client: light, heavy with 32 images a request": [
      one("light", ada.key, await whole(LIGHT, 1)),
      many("heavy", ada.key, await whole(HEAVY, MANY_IMAGES)),
    ],
  };
  try {
    const results: Record<string, object> = {};
    let least = 1;
    for (const [name, groups] of Object.entries(cases)) {
      say(name);
      const alone: Record<string, Outcome> = {};
      for (const group of groups) Object.assign(alone, await load(service, [group], seconds));
      const together = await load(service, groups, seconds);
      least = Math.min(least, ...Object.values(together).map(({ share }) => share));
      results[name] = { alone, together };
    }
    return { workers: service.workers, device: service.device, leastShare: least, cases: results };
  } finally {
    await service.stop();
    await rm(dir, { recursive: true });
  }
}

/**
 * All groups at the same time. A group whose requests have one image is counted by its answers, which tell their share
 * of the time; what is left of all that workers did is the other one's, whose answers are too few to count.
 */
async function load(
  service: Service,
  groups: readonly Group[],
  seconds: number,
): Promise<Record<string, Outcome>> {
  const clients = groups.map((group) => new Clients(service.url, group));
  const loops = clients.map((one) => one.run());
  await new Promise((resolve) => setTimeout(resolve, 1000 * WARM_UP_S));
  const workBefore = await workSeconds(service, groups[0]!.key);
  for (const one of clients) one.reset();
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  const lastedS = (performance.now() - startMs) / 1000;
  const counted = clients.map((one) => one.reset());
  const totalMs = 1000 * ((await workSeconds(service, groups[0]!.key)) - workBefore);
  for (const one of clients) one.stop();
  await Promise.all(loops);
  return Object.fromEntries(
    groups.map(({ name, images }, at) => {
      const { times, workMs, batches } = counted[at]!;
      const others = counted.reduce((sum, other) => sum + other.workMs, -workMs);
      const share = images === 1 ? workMs / totalMs : 1 - others / totalMs;
      const outcome: Outcome = {
        share,
        answersPerSecond: times.length / lastedS,
        imagesPerSecond: (images * times.length) / lastedS,
        batchImages: batches / Math.max(1, times.length),
        latency: summary(times),
      };
      return [name, outcome];
    }),
  );
}

/** The clients of one group. */
class Clients {
  private readonly url: string;
  private readonly group: Group;
  private times: number[] = [];
  private workMs = 0;
  private batches = 0;
  private stopping = false;

  constructor(url: string, group: Group) {
    this.url = url;
    this.group = group;
  }

  async run(): Promise<void> {
    const { clients, key, workload } = this.group;
    const pool = new Pool(this.url, {
      connections: clients,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const request = workload.request(null);
    const keyed = { ...request, headers: { ...request.headers, "x-api-key": key } };
    const client = async (): Promise<void> => {
      while (!this.stopping) {
        const startMs = performance.now();
        const { statusCode, headers, body } = await pool.request(keyed);
        const bytes = new Uint8Array(await body.arrayBuffer());
        if (statusCode !== 200) throw new Error(`expected 200, got ${statusCode}: ${Buffer.from(bytes)}`);
        this.times.push(performance.now() - startMs);
        const { parameters } = decodeResponse(bytes, Number(headers[HEADER_LENGTH]));
        this.workMs += Number(parameters.work_ms);
        this.batches += Number(parameters.batch_images);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    await pool.close();
  }

  /** What was counted since it was asked last. */
  reset(): { readonly times: readonly number[]; readonly workMs: number; readonly batches: number } {
    const { times, workMs, batches } = this;
    this.times = [];
    [this.workMs, this.batches] = [0, 0];
    return { times, workMs, batches };
  }

  stop(): void {
    this.stopping = true;
  }
}

/** What workers have done so far. */
async function workSeconds({ url }: Service, key: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { "x-api-key": key } })).text();
  const lines = [...text.matchAll(/^eddi_work_seconds_total\{[^}]*\} (\S+)$/gm)];
  return lines.reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}

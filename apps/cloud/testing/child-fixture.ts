import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Agent } from "undici";
import { encodeRequest, HEADER_LENGTH } from "#shared/protocol";
import { builtFile } from "./built.ts";
import { request, TINY_SERVICE, tinyImage } from "./fixture.ts";

// For tests only: the service in processes of its own, and clients that keep their connections.

/** The service as it is deployed: it starts in half of the time that its sources take. */
export const BUILT_SERVICE = builtFile("main");

const QUIET = [...TINY_SERVICE, "--log-level", "warn"];

export interface Child {
  readonly child: ChildProcess;
  readonly url: string;
  /** Of HTTPS, where it has a certificate. */
  readonly secureUrl?: string;
  readonly port: number;
  readonly ended: Promise<{ readonly code: number | null; readonly err: string }>;
}

const running = new Set<ChildProcess>();

/** @param args after those of a quiet service with the tiny model; `--port 0` unless there is one */
export async function startService(...args: string[]): Promise<Child> {
  const all = [BUILT_SERVICE, "--port", "0", ...QUIET, ...args];
  const child = spawn(process.execPath, all, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return { code: code as number | null, err };
  });
  const [line] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    ended.then((end) => Promise.reject(new Error(`ended: ${JSON.stringify(end)}`))),
  ]);
  const [url = "", secureUrl] = String(line).slice("listening on ".length).split(" ");
  return {
    child,
    url,
    ...(secureUrl === undefined ? {} : { secureUrl }),
    port: Number(new URL(url).port),
    ended,
  };
}

/** Ends what a test has left. */
export function killServices(): void {
  for (const child of running) child.kill("SIGKILL");
}

const image = tinyImage();
const { body, jsonBytes } = encodeRequest(request([image]));
/** A request for the tiny model. */
export const INFER = {
  method: "POST",
  path: "/v2/models/tiny/infer",
  headers: { "content-type": "application/octet-stream", [HEADER_LENGTH]: String(jsonBytes) },
  body: Buffer.from(body),
} as const;

export interface Traffic {
  /** How many requests were answered with 200, by origin. */
  readonly answered: Map<string, number>;
  /** What went wrong for a client: an error or another status, after its retries. */
  readonly failures: string[];
  /** How many were tried again. */
  retried(): number;
  stop(): Promise<void>;
}

/**
 * A steady stream of requests: each client sends its next one when it has an answer, on a connection that it
 * keeps as long as the other side does.
 *
 * @param pick    where the next request goes
 * @param retries of one client for one request
 */
export function sendTraffic(clients: number, pick: () => string, retries = 0): Traffic {
  const answered = new Map<string, number>();
  const failures: string[] = [];
  let retried = 0;
  let stopping = false;
  const one = async (agent: Agent): Promise<void> => {
    for (let left = retries; ; left--) {
      const origin = pick();
      const end = await send(agent, origin);
      if (end === "200") answered.set(origin, (answered.get(origin) ?? 0) + 1);
      else if (left > 0) retried++;
      else failures.push(`${origin}: ${end}`);
      if (end === "200" || left === 0) return;
    }
  };
  const loops = Array.from({ length: clients }, async () => {
    const agent = new Agent({ connections: 1, pipelining: 1, keepAliveTimeout: 60_000 });
    while (!stopping) {
      await one(agent);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await agent.destroy();
  });
  return {
    answered,
    failures,
    retried: () => retried,
    stop: async () => {
      stopping = true;
      await Promise.all(loops);
    },
  };
}

async function send(agent: Agent, origin: string): Promise<string> {
  try {
    const { statusCode, body } = await agent.request({ origin, ...INFER });
    const text = await body.text();
    return statusCode === 200 ? "200" : `${statusCode} ${text.slice(0, 200)}`;
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    return `${code ?? ""} ${message}`;
  }
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { EddiError } from "#shared/errors";
import type { EngineChoice } from "../../engines/index.ts";
import { childrenOf } from "../testing/children-of.ts";
import { MODELS_DIR } from "./workload.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
/** All clients of a benchmark have one address. */
const CONNECTIONS = "512";
const PAGE_BYTES = 4096;

/** The service in a process of its own. */
export interface Service {
  readonly url: string;
  readonly engine: EngineChoice;
  readonly device: string;
  readonly workers: number;
  readonly pid: number;
  /** Of it and of what it started: workers may be processes. */
  rssBytes(): number;
  /** How it ended, where it did so by itself; null while it runs. */
  end(): string | null;
  stop(): Promise<void>;
}

/** More options of a service, and what they ask of its clients. */
export interface Access {
  readonly args: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** What starts it, such as `prlimit`. */
  readonly prefix?: readonly string[];
}

/**
 * @param workers 0 for the service's own choice
 * @param cores   that it may run on, as taskset has them; any, if not given
 * @throws EddiError `unavailable` when the engine does not load
 */
export async function startService(
  engine: string,
  workers: number,
  cores?: string,
  access: Access = { args: [], headers: {} },
): Promise<Service> {
  const options = ["--engine", engine, "--workers", String(workers), "--models", MODELS_DIR];
  const quiet = ["--log-level", "warn", "--models-poll-ms", "0", "--connections-per-address", CONNECTIONS];
  const argv = [
    process.execPath,
    "--import",
    "tsx",
    MAIN,
    "--port",
    "0",
    ...options,
    ...quiet,
    ...access.args,
  ];
  argv.unshift(...(access.prefix ?? []));
  if (cores !== undefined) argv.unshift("taskset", "-c", cores);
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const ended = once(child, "close");
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), ended]);
  if (typeof line !== "string") throw new EddiError("unavailable", err.trim().split("\n").at(-1) ?? "");
  const url = line.slice("listening on ".length);
  const { instance_group: groups } = (await (
    await fetch(`${url}/v2/models/tiny/config`, { headers: access.headers })
  ).json()) as {
    instance_group: readonly { count: number; kind: string }[];
  };
  return {
    url,
    engine: engine as EngineChoice,
    device: groups[0]!.kind,
    workers: groups[0]!.count,
    pid: child.pid!,
    rssBytes: () => [child.pid!, ...childrenOf(child.pid!)].reduce((sum, pid) => sum + rssOf(pid), 0),
    end: () => {
      const how = child.signalCode ?? child.exitCode;
      return how === null ? null : `${how}: ${err.slice(-2_000)}`;
    },
    stop: async () => {
      child.kill("SIGINT");
      await ended;
    },
  };
}

function rssOf(pid: number): number {
  return PAGE_BYTES * Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]);
}

import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { mayUseGpu } from "../../engines/index.ts";
import type { Isolation } from "../options/config.ts";
import type { Crashed, TailReply, TailRequest, TailSetup } from "../worker-messages/tail-messages.ts";
import { startOf } from "./worker-entry.ts";

/** A thread or a process that runs tails. */
export interface WorkerHost {
  /** @param handedOver buffers of the message that a thread gets without a copy */
  post(message: TailRequest, handedOver: readonly ArrayBuffer[]): void;
  /**
   * Ends it at once, whatever it does: but for what hangs inside native code or a system call, which is waited for a
   * moment only. A thread that hangs so stays until the service ends.
   */
  end(): Promise<void>;
}

export interface HostEvents {
  readonly onReply: (reply: TailReply) => void;
  /** It crashed or ended; may be told of the same end twice. */
  readonly onLost: (why: string) => void;
}

const STDERR = 2;
/** A worker that can be ended is ended by then. */
const END_LIMIT_MS = 1_000;

/**
 * Starts a worker. To end a thread that is inside a GPU's driver, or of Dawn, aborts the whole process (webgpu 0.6.2), and
 * so do most failures of a driver: `auto` takes processes where a GPU may be used, else threads, which start faster and
 * share the weights.
 */
export function startHost(setup: TailSetup, isolation: Isolation, events: HostEvents): WorkerHost {
  const apart = isolation === "process" || (isolation === "auto" && mayUseGpu(setup.engine));
  return apart ? startProcess(setup, events) : startThread(setup, events);
}

function startThread(setup: TailSetup, { onReply, onLost }: HostEvents): WorkerHost {
  const thread = new Worker(startOf(setup.entry), { workerData: setup });
  thread.on("message", onReply);
  thread.on("error", (error) => onLost(error.message));
  thread.on("messageerror", (error) => onLost(error.message));
  thread.on("exit", (code) => onLost(`exit code ${code}`));
  return {
    post: (message, handedOver) => thread.postMessage(message, [...handedOver]),
    end: () => forAMoment(thread.terminate()),
  };
}

function startProcess(setup: TailSetup, { onReply, onLost }: HostEvents): WorkerHost {
  const child = fork(fileURLToPath(startOf(setup.entry)), [setup.entry], {
    execArgv: [],
    serialization: "advanced",
    // The standard output is the service's own.
    stdio: ["ignore", STDERR, STDERR, "ipc"],
  });
  const ended = once(child, "close");
  ended.catch(() => {});
  child.on("message", (message) => {
    const reply = message as TailReply | Crashed;
    if (reply.kind === "crashed") onLost(reply.reason);
    else onReply(reply);
  });
  child.on("error", (error) => onLost(error.message));
  child.on("exit", (code, signal) => onLost(signal ?? `exit code ${code}`));
  const post = (message: TailRequest | TailSetup): void => {
    // What cannot be sent any more is lost with the process, and its end is told.
    child.send(message, () => {});
  };
  post(setup);
  return {
    post,
    end: async () => {
      if (child.kill("SIGKILL")) await forAMoment(ended);
    },
  };
}

async function forAMoment(ended: Promise<unknown>): Promise<void> {
  const waiting = new AbortController();
  const moment = sleep(END_LIMIT_MS, undefined, { signal: waiting.signal }).catch(() => {});
  await Promise.race([ended, moment]);
  waiting.abort();
}

import { setTimeout as sleep } from "node:timers/promises";
import { EddiError, toEddiError } from "#shared/errors";
import { readNamedFile } from "./named-file.ts";

/** Reading a few kilobytes costs nothing; notices of changes do not come from all file systems. */
const EVERY_MS = 2_000;

export interface Followed {
  /** For the log. */
  readonly what: string;
  /** Files that belong together. */
  readonly paths: readonly string[];
  /** What stood in them when they were read first. */
  readonly contents: readonly Buffer[];
  /**
   * Takes new contents into use.
   *
   * @returns what to tell of them
   * @throws when they are no good: what was there before stays
   */
  readonly take: (contents: readonly Buffer[]) => string;
  readonly log: {
    readonly info: (message: string) => void;
    readonly error: (message: string) => void;
  };
}

/**
 * Reads files again and again, and takes them into use when they have changed: once they are the same in two looks, as
 * two files are not written at once. What is no good, or cannot be read, is told once, and changes nothing.
 *
 * @returns what ends it
 */
export function followFiles(followed: Followed, everyMs = EVERY_MS): () => void {
  const stopping = new AbortController();
  void follow(followed, everyMs, stopping.signal);
  return () => stopping.abort();
}

async function follow({ what, paths, contents, take, log }: Followed, everyMs: number, signal: AbortSignal) {
  let dealtWith = textOf(contents);
  let seen = dealtWith;
  /** Why it could not be read the last time. */
  let unread = "";
  const tell = (message: string): void => log.error(`${what}: what was read before stays in use: ${message}`);
  while (await goesOn(everyMs, signal)) {
    const now = await Promise.all(paths.map(readNamedFile)).catch(toEddiError);
    if (signal.aborted) return;
    if (now instanceof EddiError) {
      if (now.message !== unread) tell(now.message);
      unread = now.message;
      continue;
    }
    unread = "";
    const text = textOf(now);
    const isSettled = text === seen;
    seen = text;
    if (!isSettled || text === dealtWith) continue;
    dealtWith = text;
    try {
      log.info(`${what}: ${take(now)}`);
    } catch (thrown) {
      tell(toEddiError(thrown).message);
    }
  }
}

async function goesOn(everyMs: number, signal: AbortSignal): Promise<boolean> {
  await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
  return !signal.aborted;
}

function textOf(contents: readonly Buffer[]): string {
  return contents.map((bytes) => bytes.toString("base64")).join(" ");
}

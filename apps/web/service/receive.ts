import { EddiError } from "#shared/errors";
import { anySignal } from "./any-signal.ts";
import { afterSilence } from "./silence.ts";
import type { Traffic } from "./traffic.ts";

/** A download is given up when nothing at all has arrived for so long. How long it takes in all does not matter. */
const SILENCE_MS = 30_000;

export interface ReceiveOptions {
  readonly init?: RequestInit;
  readonly traffic: Traffic;
  /** Told what has come, as it comes; true ends it with that. */
  readonly take?: (chunk: Uint8Array, progress: Progress, response: Response) => boolean;
  readonly silenceMs?: number;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

export interface Progress {
  readonly bytes: number;
  /** Since the body began to come. */
  readonly ms: number;
}

/** A response with what came of its body. */
export interface Received extends Progress {
  readonly response: Response;
  readonly chunks: readonly Uint8Array[];
}

/**
 * Fetches something and reads it as it arrives, once nobody goes first on the link. The bytes of other downloads are a
 * sign of life too: on a slow link one waits behind the other.
 *
 * @throws the signal's reason; what `fetch` throws; EddiError `timeout` after silence
 */
export async function receive(url: string, options: ReceiveOptions): Promise<Received> {
  const { init = {}, traffic, take = () => false, silenceMs = SILENCE_MS, fetch } = options;
  await traffic.free();
  const silence = new AbortController();
  const endWatch = afterSilence(
    () => traffic.heardMs,
    silenceMs,
    () =>
      silence.abort(new EddiError("timeout", `nothing has arrived for ${Math.round(silenceMs / 1000)} s`)),
  );
  const enough = new AbortController();
  const signal = anySignal([silence.signal, enough.signal, ...(init.signal ? [init.signal] : [])]);
  const end = traffic.begin();
  const sentMs = performance.now();
  let drainMs = 0;
  try {
    const response = await fetch(url, { ...init, signal });
    const startMs = performance.now();
    const chunks: Uint8Array[] = [];
    let progress: Progress = { bytes: 0, ms: 0 };
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
      traffic.arrived();
      chunks.push(next.value);
      progress = { bytes: progress.bytes + next.value.length, ms: performance.now() - startMs };
      if (!take(next.value, progress, response)) continue;
      enough.abort();
      drainMs = drainTime(response, progress);
      break;
    }
    // What was compressed is more here than it was on the link. A busy thread reads late, and then all at once: only
    // the whole time is surely no shorter than the link's.
    const isPlain = !response.headers.has("content-encoding");
    if (isPlain) traffic.measured(progress.bytes, performance.now() - sentMs);
    return { response, chunks, ...progress };
  } catch (thrown) {
    if (silence.signal.aborted) throw silence.signal.reason;
    throw thrown;
  } finally {
    endWatch();
    if (drainMs > 0) setTimeout(end, drainMs);
    else end();
  }
}

/** The network holds this much of a download that nobody reads any more, at most. */
const HELD_BYTES = 256 << 10;

/** How long what was sent of a download that is broken off still lies before everything else. */
function drainTime({ headers }: Response, { bytes, ms }: Progress): number {
  const length = Number(headers.get("content-length") ?? Number.POSITIVE_INFINITY);
  return (Math.min(Math.max(length - bytes, 0), HELD_BYTES) * ms) / Math.max(bytes, 1);
}

/** What came, as one piece. */
export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

import { splitElements } from "#shared/protocol";
import type { Attack } from "./hostile-fixture.ts";

// For tests and benchmarks only.

/** An event loop may be held so long on a quiet machine. */
export const QUIET_MS = 50;
/** Of what it took when millions of elements were split on the event loop. */
const SHARE = 1 / 8;
const ELEMENTS = 4_000_000;
/** Node looks at the clock so often; what it tells is this and the delay. */
const RESOLUTION_MS = 10;

export interface Delay {
  readonly kind: string;
  /** The least of all rounds: what the machine does beside this only adds to it. */
  readonly delayMs: number;
  readonly statuses: readonly number[];
}

/**
 * How long an event loop may be held on this machine, as it is now: as long as on a quiet one, or as a fixed share of what
 * a piece of work takes here that once held it up.
 */
export function calibrate(): { readonly limitMs: number; readonly referenceMs: number } {
  const zeros = new Uint8Array(4 * ELEMENTS);
  const times = [1, 2, 3].map(() => {
    const startMs = performance.now();
    splitElements("image", zeros, ELEMENTS);
    return performance.now() - startMs;
  });
  const referenceMs = Math.min(...times);
  return { referenceMs, limitMs: Math.max(QUIET_MS, SHARE * referenceMs) };
}

/** The longest that a service's event loop was held by an attack, as its own metrics tell; of several rounds the least. */
export async function delayOf(
  url: string,
  { kind, send }: Attack,
  rounds: number,
  enoughMs: number,
): Promise<Delay> {
  let delayMs = Number.POSITIVE_INFINITY;
  let statuses: readonly number[] = [];
  for (let round = 0; round < rounds && delayMs > enoughMs; round++) {
    await longestDelayMs(url);
    statuses = await send();
    delayMs = Math.min(delayMs, await longestDelayMs(url));
  }
  return { kind, delayMs, statuses };
}

/** Since it was asked last. */
async function longestDelayMs(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const seconds = Number(/^nodejs_eventloop_lag_max_seconds (\S+)$/m.exec(text)?.[1]);
  return Math.max(0, 1000 * seconds - RESOLUTION_MS);
}

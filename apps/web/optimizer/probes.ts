import { EddiError } from "#shared/errors";
import type { Silence, Transfer } from "#shared/network";
import { anySignal } from "../edge/fetch-model.ts";
import { serviceFetch } from "../link/service-fetch.ts";
import { HEADER_BYTES } from "../link/transport.ts";

const RTT_TIMEOUT_MS = 2500;
const UPLINK_TIMEOUT_MS = 4000;

/** Asks the service whether it lives. @throws EddiError `unavailable` or `timeout` */
export async function probeRtt(): Promise<Transfer> {
  const elapsedMs = await timed("/v2/health/live", {}, RTT_TIMEOUT_MS);
  return {
    kind: "transfer",
    atMs: performance.now(),
    requestBytes: HEADER_BYTES.fetch,
    elapsedMs,
    serverMs: 0,
  };
}

/**
 * Sends so many random bytes, which no proxy can compress. A probe that takes too long is broken off, and
 * says that it would have taken longer.
 *
 * @throws EddiError `unavailable`; `cancelled` when the signal aborts
 */
export async function probeUplink(bytes: number, signal: AbortSignal): Promise<Transfer | Silence> {
  const body = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(body.subarray(at, at + 65_536));
  const headers = { "content-type": "application/octet-stream" };
  const sent = { requestBytes: bytes + HEADER_BYTES.fetch, serverMs: 0 } as const;
  try {
    const elapsedMs = await timed("/v2/probe", { method: "POST", headers, body, signal }, UPLINK_TIMEOUT_MS);
    return { kind: "transfer", atMs: performance.now(), ...sent, elapsedMs };
  } catch (thrown) {
    if (!(thrown instanceof EddiError) || thrown.code !== "timeout") throw thrown;
    return { kind: "silence", atMs: performance.now(), ...sent, waitedMs: UPLINK_TIMEOUT_MS };
  }
}

/** Milliseconds from the call of `fetch` until the reply's header is here. */
async function timed(path: string, init: RequestInit, timeoutMs: number): Promise<number> {
  const url = new URL(path, location.origin).href;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = init.signal ? anySignal([timeout, init.signal]) : timeout;
  const startedAt = performance.now();
  try {
    const response = await serviceFetch(url, { ...init, cache: "no-store", signal });
    const elapsedMs = performance.now() - startedAt;
    await response.arrayBuffer();
    if (!response.ok) throw new EddiError("unavailable", `${path}: got HTTP ${response.status}`);
    return elapsedMs;
  } catch (cause) {
    const code = init.signal?.aborted ? "cancelled" : timeout.aborted ? "timeout" : "unavailable";
    throw new EddiError(code, `${path}: expected an answer, got: ${(cause as Error).message}`, { cause });
  }
}

import { EddiError } from "#shared/errors";
import type { Observation } from "#shared/network";
import { parseServerTiming } from "#shared/protocol";
import { anySignal } from "../edge/fetch-model.ts";
import { requestTiming } from "../edge/request-timing.ts";
import { HEADER_BYTES } from "./learning.ts";

const RTT_TIMEOUT_MS = 2500;
const UPLINK_TIMEOUT_MS = 4000;

/** Asks the service whether it lives. @throws EddiError `unavailable` or `timeout` */
export async function probeRtt(): Promise<Observation> {
  const { elapsedMs } = await timed("/v2/health/live", {}, RTT_TIMEOUT_MS);
  return { kind: "probe", atMs: performance.now(), rttMs: elapsedMs };
}

/**
 * Sends so many random bytes, which no proxy can compress. A probe that takes too long is broken off, and
 * says that it took as long as that.
 *
 * @throws EddiError `unavailable`; `cancelled` when the signal aborts
 */
export async function probeUplink(
  bytes: number,
  signal: AbortSignal,
): Promise<{ readonly observation: Observation; readonly answered: boolean }> {
  const body = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(body.subarray(at, at + 65_536));
  const headers = { "content-type": "application/octet-stream" };
  const sent = { kind: "transfer", requestBytes: bytes + HEADER_BYTES, serverMs: 0 } as const;
  try {
    const { elapsedMs, receiveMs } = await timed(
      "/v2/probe",
      { method: "POST", headers, body, signal },
      UPLINK_TIMEOUT_MS,
    );
    const told = receiveMs === null ? {} : { receiveMs };
    return { answered: true, observation: { ...sent, atMs: performance.now(), elapsedMs, ...told } };
  } catch (thrown) {
    if (!(thrown instanceof EddiError) || thrown.code !== "timeout") throw thrown;
    const observation = { ...sent, atMs: performance.now(), elapsedMs: UPLINK_TIMEOUT_MS };
    return { answered: false, observation };
  }
}

async function timed(
  path: string,
  init: RequestInit,
  timeoutMs: number,
): Promise<{ readonly elapsedMs: number; readonly receiveMs: number | null }> {
  const url = new URL(path, location.origin).href;
  const startedAt = performance.now();
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = init.signal ? anySignal([timeout, init.signal]) : timeout;
  try {
    const response = await fetch(url, { ...init, cache: "no-store", signal });
    const headersAt = performance.now();
    await response.arrayBuffer();
    if (!response.ok) throw new EddiError("unavailable", `${path}: got HTTP ${response.status}`);
    const timing = await requestTiming(url, startedAt);
    const told = response.headers.get("server-timing");
    return {
      elapsedMs: timing === null ? headersAt - startedAt : timing.responseStart - timing.requestStart,
      receiveMs: told === null ? null : parseServerTiming(told).receiveMs,
    };
  } catch (cause) {
    const code = init.signal?.aborted ? "cancelled" : timeout.aborted ? "timeout" : "unavailable";
    throw new EddiError(code, `${path}: expected an answer, got: ${(cause as Error).message}`, { cause });
  }
}

import { EddiError } from "#shared/errors";
import { PROBE_HEADER_BYTES, PROBE_TIMEOUT_MS } from "#shared/learning";
import type { QueueReport, Silence, Transfer } from "#shared/network";
import { parseServerTiming } from "#shared/protocol";
import { anySignal } from "../service/any-signal.ts";
import type { Service } from "../service/service.ts";

/** What a probe has learnt: of the link, and of the queue where the service tells it. */
export type Probed = readonly [Transfer | Silence, ...QueueReport[]];

/** Asks the service whether it lives. @throws EddiError `unavailable` or `timeout` */
export async function probeRtt(service: Pick<Service, "fetch">): Promise<Probed> {
  return probe(service, "/v2/health/live", {}, PROBE_HEADER_BYTES, PROBE_TIMEOUT_MS.rtt);
}

/**
 * Sends so many random bytes, which no proxy can compress. A probe that takes too long is broken off, and
 * says that it would have taken longer.
 *
 * @throws EddiError `unavailable`; `cancelled` when the signal aborts
 */
export async function probeUplink(
  service: Pick<Service, "fetch">,
  bytes: number,
  signal: AbortSignal,
): Promise<Probed> {
  const body = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65_536) crypto.getRandomValues(body.subarray(at, at + 65_536));
  const headers = { "content-type": "application/octet-stream" };
  const requestBytes = bytes + PROBE_HEADER_BYTES;
  try {
    return await probe(
      service,
      "/v2/probe",
      { method: "POST", headers, body, signal },
      requestBytes,
      PROBE_TIMEOUT_MS.uplink,
    );
  } catch (thrown) {
    if (!(thrown instanceof EddiError) || thrown.code !== "timeout") throw thrown;
    const atMs = performance.now();
    return [{ kind: "silence", atMs, requestBytes, serverMs: 0, waitedMs: PROBE_TIMEOUT_MS.uplink }];
  }
}

/** Times one request, from the call of `fetch` until the reply's header is here. */
async function probe(
  service: Pick<Service, "fetch">,
  path: string,
  init: RequestInit,
  requestBytes: number,
  timeoutMs: number,
): Promise<Probed> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  const signal = anySignal([late.signal, ...(init.signal ? [init.signal] : [])]);
  const startedAt = performance.now();
  try {
    const response = await service.fetch(path, { ...init, cache: "no-store", signal });
    const atMs = performance.now();
    await response.arrayBuffer();
    if (!response.ok) throw new EddiError("unavailable", `${path}: got HTTP ${response.status}`);
    const elapsedMs = atMs - startedAt;
    const transfer: Transfer = { kind: "transfer", atMs, requestBytes, elapsedMs, serverMs: 0 };
    const told = response.headers.get("server-timing");
    if (told === null) return [transfer];
    return [transfer, { kind: "queue", atMs, queueMs: parseServerTiming(told).expectedQueueMs }];
  } catch (cause) {
    if (init.signal?.aborted) throw new EddiError("cancelled", `${path}: given up`, { cause });
    if (late.signal.aborted)
      throw new EddiError("timeout", `${path}: no answer within ${timeoutMs} ms`, { cause });
    if (cause instanceof EddiError) throw cause;
    const came = (cause as Error).message;
    throw new EddiError("unavailable", `${path}: expected an answer, got: ${came}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

import { EddiError, toEddiError } from "#shared/errors";
import { NEEDS_KEY, serviceFetch } from "../link/service-fetch.ts";

/** The longest wait for a file of a model to begin, or for a shard to end. */
export const FILE_TIMEOUT_MS = 60_000;

/** The path of a model's file on the service. */
export function modelFileUrl(modelId: string, path: string): string {
  return `/models/${encodeURIComponent(modelId)}/${path}`;
}

/**
 * Fetches a file and its whole body.
 *
 * @throws EddiError `not-found` for a 404, `unauthorized` for a 401, `unavailable` for every other failure
 */
export async function fetchBytes(url: string, init: RequestInit = {}): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(FILE_TIMEOUT_MS);
  const signal = init.signal ? anySignal([init.signal, timeout]) : timeout;
  try {
    const response = await serviceFetch(url, { ...init, signal });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    if (response.status === 401) throw new EddiError("unauthorized", NEEDS_KEY);
    const code = response.status === 404 ? "not-found" : "unavailable";
    throw new EddiError(code, `${url}: expected the file, got HTTP ${response.status}`);
  } catch (thrown) {
    init.signal?.throwIfAborted();
    if (thrown instanceof EddiError) throw thrown;
    throw new EddiError("unavailable", `${url}: expected the file, got: ${toEddiError(thrown).message}`, {
      cause: thrown,
    });
  }
}

/** Fetches JSON, asking the service each time. @throws EddiError as `fetchBytes`, `bad-profile` for other bytes */
export async function fetchJson(url: string): Promise<unknown> {
  const bytes = await fetchBytes(url, { cache: "no-cache" });
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new EddiError("bad-profile", `${url}: expected JSON`, { cause });
  }
}

/** `AbortSignal.any`, which Safari has only since 17.4. */
export function anySignal(signals: readonly AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) controller.abort(signal.reason);
    signal.addEventListener("abort", () => controller.abort(signal.reason), {
      once: true,
      signal: controller.signal,
    });
  }
  return controller.signal;
}

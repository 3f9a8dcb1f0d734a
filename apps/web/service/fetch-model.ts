import { EddiError, toEddiError } from "#shared/errors";
import { joined, type Received, type ReceiveOptions, receive } from "./receive.ts";
import { NEEDS_KEY } from "./service-fetch.ts";
import { traffic } from "./traffic.ts";

/** The path of a model's file on the service. */
export function modelFileUrl(modelId: string, path: string): string {
  return `/models/${encodeURIComponent(modelId)}/${path}`;
}

/**
 * Fetches a file and its whole body, however long that takes.
 *
 * @throws EddiError `not-found` for a 404, `unauthorized` for a 401, `unavailable` for every other failure
 */
export async function fetchBytes(url: string, init: RequestInit = {}): Promise<Uint8Array> {
  const { chunks } = await fetchFile(url, { init, traffic });
  return joined(chunks);
}

/** The same for what is to be read in its own way; that a range is none comes back as it is (416). */
export async function fetchFile(url: string, options: ReceiveOptions): Promise<Received> {
  try {
    const received = await receive(url, options);
    const { status, ok } = received.response;
    if (ok || status === 416) return received;
    if (status === 401) throw new EddiError("unauthorized", NEEDS_KEY);
    const code = status === 404 ? "not-found" : "unavailable";
    throw new EddiError(code, `${url}: expected the file, got HTTP ${status}`);
  } catch (thrown) {
    options.init?.signal?.throwIfAborted();
    const error = toEddiError(thrown);
    if (thrown instanceof EddiError && error.code !== "timeout") throw thrown;
    const came = error.code === "timeout" ? `but ${error.message}` : `got: ${error.message}`;
    throw new EddiError("unavailable", `${url}: expected the file, ${came}`, { cause: thrown });
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

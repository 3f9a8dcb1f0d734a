import { EddiError, toEddiError } from "#shared/errors";
import { joined, type Received, type ReceiveOptions, receive } from "./receive.ts";
import type { Service } from "./service.ts";

/** What to tell whom the service answers with 401. */
export const NEEDS_KEY = "the service asks for a key, and knows none such as it was given";

/** The path of a model's file on the service. */
export function modelFileUrl(modelId: string, path: string): string {
  return `/models/${encodeURIComponent(modelId)}/${path}`;
}

/**
 * Fetches a file of the service and its whole body, however long that takes.
 *
 * @throws EddiError `not-found` for a 404, `unauthorized` for a 401, `unavailable` for every other failure
 */
export async function fetchBytes(service: Service, url: string, init: RequestInit = {}): Promise<Uint8Array> {
  const { chunks } = await fetchFile(service, url, { init });
  return joined(chunks);
}

/** The same for what is to be read in its own way; that a range is none comes back as it is (416). */
export async function fetchFile(
  service: Service,
  url: string,
  options: Pick<ReceiveOptions, "init" | "take">,
): Promise<Received> {
  const { traffic } = service;
  try {
    const received = await receive(url, {
      ...options,
      traffic,
      fetch: (path, init) => service.fetch(path, init),
    });
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
export async function fetchJson(service: Service, url: string): Promise<unknown> {
  const bytes = await fetchBytes(service, url, { cache: "no-cache" });
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new EddiError("bad-profile", `${url}: expected JSON`, { cause });
  }
}

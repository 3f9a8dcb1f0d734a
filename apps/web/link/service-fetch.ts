import { STREAM_KEY } from "#shared/protocol";

/** What to tell a user whom the service answers with 401. */
export const NEEDS_KEY = "the service asks for a key: open this page as its operator told you, with #key=...";

let serviceKey: string | null = null;

/** From now on requests of this thread carry the key; null for a service that asks for none. */
export function useKey(key: string | null): void {
  serviceKey = key;
}

/** A WebSocket to the service; the key goes with its subprotocols. */
export function serviceSocket(url: URL, protocol: string): WebSocket {
  return new WebSocket(url, serviceKey === null ? protocol : [protocol, `${STREAM_KEY}${serviceKey}`]);
}

/** `fetch` for everything that the service may ask a key for: `/v2` and `/models`. */
export function serviceFetch(url: string, init: RequestInit = {}): Promise<Response> {
  if (serviceKey === null) return fetch(url, init);
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${serviceKey}`);
  return fetch(url, { ...init, headers });
}

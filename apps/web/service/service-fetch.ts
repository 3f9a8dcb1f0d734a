import { STREAM_KEY } from "#shared/protocol";
import { serviceUrl } from "./service-url.ts";

/** What to tell a user whom the service answers with 401. */
export const NEEDS_KEY = "the service asks for a key: open this page as its operator told you, with #key=...";

let serviceKey: string | null = null;

/** From now on requests of this thread carry the key; null for a service that asks for none. */
export function useKey(key: string | null): void {
  serviceKey = key;
}

/** A WebSocket to a path of the service; the key goes with its subprotocols. */
export function serviceSocket(path: string, protocol: string): WebSocket {
  const url = serviceUrl(path);
  url.protocol = url.protocol.replace("http", "ws");
  return new WebSocket(url, serviceKey === null ? protocol : [protocol, `${STREAM_KEY}${serviceKey}`]);
}

/** `fetch` of a path of the service, for everything that it may ask a key for: `/v2` and `/models`. */
export function serviceFetch(path: string, init: RequestInit = {}): Promise<Response> {
  const { href } = serviceUrl(path);
  if (serviceKey === null) return fetch(href, init);
  const headers = new Headers(init.headers);
  headers.set("authorization", `Bearer ${serviceKey}`);
  return fetch(href, { ...init, headers });
}

import type { IncomingMessage } from "node:http";

/** RFC 9112 3.2 and RFC 3986 3.2.2: a name, an IPv4 address or one in brackets, and perhaps a port; it may be empty. */
const HOST = /^(\[[0-9a-f:.]+(%[\w.~%-]+)?\]|[\w.~!$&'()*+,;=%-]*)(:\d*)?$/i;

/** @returns what is wrong with a request's host, or null. HTTP/1.1 demands one, and no version knows two. */
export function hostProblem({ headers, rawHeaders, httpVersion }: IncomingMessage): string | null {
  const { host } = headers;
  if (host === undefined) return httpVersion === "1.1" ? "expected the header host, got none" : null;
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]!.toLowerCase() === "host") count++;
  if (count > 1) return `expected one header host, got ${count}`;
  return HOST.test(host) ? null : `host: expected a name or an address, got ${host.slice(0, 100)}`;
}

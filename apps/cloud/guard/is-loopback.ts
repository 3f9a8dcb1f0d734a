import { isIPv4 } from "node:net";

/** Whether only this machine reaches an address to listen on. A name other than `localhost` may be anything. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

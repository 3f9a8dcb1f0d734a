import { STREAM_KEY } from "#shared/protocol";
import { Traffic } from "./traffic.ts";

/** Where a service is, and the key that it asks for: plain data, which workers are told first of all. */
export interface ServiceAddress {
  /** Absolute, with a slash at its end. What the service has lies below it, whatever prefix a proxy has put before. */
  readonly baseUrl: string;
  /** Null where it asks for none. */
  readonly key: string | null;
}

/** A service as one thread reaches it, and who of that thread uses the link. */
export class Service {
  readonly traffic = new Traffic();
  private readonly address: ServiceAddress;

  constructor(address: ServiceAddress) {
    this.address = address;
  }

  /**
   * The full address of something that the service has.
   *
   * @param path from the service's root, such as `/v2/probe`
   */
  url(path: string): URL {
    const { baseUrl } = this.address;
    return new URL(`${new URL(baseUrl).pathname}${path.replace(/^\//, "")}`, baseUrl);
  }

  /** `fetch` of a path of the service, for everything that it may ask a key for: `/v2` and `/models`. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const { href } = this.url(path);
    const { key } = this.address;
    if (key === null) return fetch(href, init);
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${key}`);
    return fetch(href, { ...init, headers });
  }

  /** A WebSocket to a path of the service; the key goes with its subprotocols. */
  socket(path: string, protocol: string): WebSocket {
    const url = this.url(path);
    url.protocol = url.protocol.replace("http", "ws");
    const { key } = this.address;
    return new WebSocket(url, key === null ? protocol : [protocol, `${STREAM_KEY}${key}`]);
  }
}

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Link, SEGMENT_BYTES } from "./link.ts";
import type { Rate } from "./rate.ts";

/** What the proxy makes of the connection between client and service. */
export interface LinkShape {
  /** Split evenly between the directions. */
  readonly rttMs: number;
  /** Bits per second from client to service, all connections together. */
  readonly uplink: Rate;
  readonly downlink: Rate;
}

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
}

/** Per connection and direction: above the first the sender has to wait, below the second it goes on. */
const PAUSE_BYTES = 262_144;
const RESUME_BYTES = 131_072;

/**
 * A TCP proxy that behaves like a slow network, in user space: any system, no privileges.
 *
 * All connections share one link per direction, store-and-forward in segments of 1448 bytes with 52 bytes
 * of headers. A connection costs one RTT before its first bytes leave. There is backpressure. Not
 * modelled: loss, and TCP's slow start.
 */
export class ShapingProxy {
  readonly target: ProxyTarget;
  private readonly up: Link;
  private readonly down: Link;
  private rttMs: number;
  private server: Server | undefined;
  private port_ = 0;
  private host = "";
  private readonly sockets = new Set<Socket>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly counted = { up: 0, down: 0 };

  private constructor(target: ProxyTarget, shape: LinkShape) {
    this.target = target;
    this.rttMs = shape.rttMs;
    this.up = new Link(shape.uplink, shape.rttMs / 2);
    this.down = new Link(shape.downlink, shape.rttMs / 2);
  }

  /** @param port 0 for any free one */
  static async start(
    target: ProxyTarget,
    shape: LinkShape,
    port = 0,
    host = "127.0.0.1",
  ): Promise<ShapingProxy> {
    const proxy = new ShapingProxy(target, shape);
    proxy.port_ = port;
    proxy.host = host;
    await proxy.accept();
    return proxy;
  }

  get port(): number {
    return this.port_;
  }

  /** Payload bytes that have arrived at the service (up) and at clients (down). */
  get carried(): { readonly up: number; readonly down: number } {
    return { ...this.counted };
  }

  /** Changes some or all of the shape from now on. A trace starts at its beginning. */
  shape(change: Partial<LinkShape>): void {
    if (change.rttMs !== undefined) {
      this.rttMs = change.rttMs;
      this.up.setDelay(change.rttMs / 2);
      this.down.setDelay(change.rttMs / 2);
    }
    if (change.uplink !== undefined) this.up.setRate(change.uplink);
    if (change.downlink !== undefined) this.down.setRate(change.downlink);
  }

  /** Nothing gets through any more, without a word to either side; `resume` lets it flow again. */
  stall(): void {
    this.up.setStalled(true);
    this.down.setStalled(true);
  }

  resume(): void {
    this.up.setStalled(false);
    this.down.setStalled(false);
  }

  /** Breaks every connection there is. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Refuses new connections until `accept`; those there are stay. */
  async refuse(): Promise<void> {
    this.server?.close();
    this.server = undefined;
  }

  /** Listens, again on the same port. */
  async accept(): Promise<void> {
    if (this.server !== undefined) return;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.serve(client));
    this.server.listen(this.port_, this.host);
    await once(this.server, "listening");
    this.port_ = (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await this.refuse();
    for (const timer of this.timers) clearTimeout(timer);
    this.up.close();
    this.down.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private serve(client: Socket): void {
    this.watch(client);
    // The system has accepted the client already: hold it back as long as the handshakes would have taken.
    this.after(this.rttMs / 2, () => {
      const service = connect({ ...this.target, noDelay: true, allowHalfOpen: true });
      this.watch(service);
      for (const [one, other] of [[client, service] as const, [service, client] as const]) {
        one.on("error", () => other.resetAndDestroy());
        if (one.destroyed) other.destroy();
      }
      this.carry(service, client, this.down, "down");
      this.after(this.rttMs / 2, () => this.carry(client, service, this.up, "up"));
    });
  }

  private carry(from: Socket, to: Socket, link: Link, direction: "up" | "down"): void {
    let onLink = 0;
    const held = (): number => onLink + to.writableLength;
    const release = (): void => {
      if (from.isPaused() && held() < RESUME_BYTES) from.resume();
    };
    from.on("data", (chunk: Buffer) => {
      for (let at = 0; at < chunk.length; at += SEGMENT_BYTES) {
        const payload = chunk.subarray(at, at + SEGMENT_BYTES);
        onLink += payload.length;
        link.send(payload.length, () => {
          onLink -= payload.length;
          this.counted[direction] += payload.length;
          if (!to.destroyed) to.write(payload);
          release();
        });
      }
      if (held() > PAUSE_BYTES) from.pause();
    });
    to.on("drain", release);
    from.on("end", () => link.send(0, () => to.end()));
  }

  private watch(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("error", () => {});
  }

  private after(ms: number, run: () => void): void {
    const dueMs = performance.now() + ms;
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      // Node counts from when its loop last looked at the clock, which may be milliseconds ago.
      const leftMs = dueMs - performance.now();
      if (leftMs > 0) this.after(leftMs, run);
      else run();
    }, ms);
    this.timers.add(timer);
  }
}

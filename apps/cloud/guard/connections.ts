import type { Server, Socket } from "node:net";
import { clientAddress } from "./client-address.ts";

export interface ConnectionLimits {
  /** Of all addresses. */
  readonly most: number;
  /** Of one address. */
  readonly mostOfAddress: number;
  /** Beyond these bounds, of all addresses: for health alone. */
  readonly mostBeyond: number;
  /** The same of one address. */
  readonly mostBeyondOfAddress: number;
}

/** The last two of the bounds. */
export const BEYOND = { mostBeyond: 64, mostBeyondOfAddress: 16 } as const;

interface Connection {
  readonly name: string;
  readonly socket: Socket;
  readonly address: string;
  /** Whether it came when there were too many. */
  isBeyond: boolean;
  isBusy: boolean;
}

/**
 * Bounds the connections of each address and of all. One that is idle makes room for another of the same address or, when
 * there are too many of all, one of the address that has most. Where none is idle, a few more may ask for health: whoever
 * looks after the service is told the truth, whatever others do.
 */
export class Connections {
  private readonly limits: ConnectionLimits;
  private readonly onEvicted: () => void;
  /** The longest idle first, as far as they are idle. */
  private readonly open = new Map<string, Connection>();
  private readonly within = new Counts();
  private readonly beyond = new Counts();

  /** @param onEvicted told of each that makes room */
  constructor(limits: ConnectionLimits, onEvicted: () => void = () => {}) {
    this.limits = limits;
    this.onEvicted = onEvicted;
  }

  get size(): number {
    return this.open.size;
  }

  /** Counts those of a server of HTTP or HTTPS, and bounds them. */
  take(server: Pick<Server, "on">): void {
    server.on("connection", (socket: Socket) => this.add(socket));
    // What becomes a stream is never idle; what does not is a request like others.
    server.on("upgrade", ({ socket }: { socket: Socket }) => this.setBusy(socket, true));
  }

  /** Whether it may ask for health only, now. One that came beyond the bounds may do more when there is room again. */
  isBeyond(socket: Ends): boolean {
    const one = this.open.get(nameOf(socket));
    if (one === undefined || !one.isBeyond || this.whoseTooMany(one.address) !== null) {
      return one?.isBeyond ?? false;
    }
    this.beyond.add(one.address, -1);
    this.within.add(one.address, 1);
    one.isBeyond = false;
    return false;
  }

  /** Tells when it has requests under way, and when it has none any more. */
  setBusy(socket: Ends, isBusy: boolean): void {
    const one = this.open.get(nameOf(socket));
    if (one === undefined) return;
    one.isBusy = isBusy;
    this.open.delete(one.name);
    this.open.set(one.name, one);
  }

  private add(socket: Socket): void {
    const name = nameOf(socket);
    // What was an upgrade and is none comes again; what has gone already has no address.
    if (this.open.has(name) || socket.remoteAddress === undefined) return;
    const address = clientAddress(socket.remoteAddress);
    const whose = this.whoseTooMany(address);
    const isBeyond = whose !== null && !this.evict((one) => one.address === whose && !one.isBeyond);
    if (isBeyond) this.makeRoomBeyond(address);
    const one = { name, socket, address, isBeyond, isBusy: false };
    this.open.set(name, one);
    this.countsOf(one).add(address, 1);
    socket.once("close", () => this.remove(one));
  }

  /** @returns the address that has too many, or most of too many; null where there is room */
  private whoseTooMany(address: string): string | null {
    const { within, limits } = this;
    if (within.of(address) >= limits.mostOfAddress) return address;
    return within.all < limits.most ? null : within.largest();
  }

  /** The newest of those beyond has its try: whoever holds on to one, loses it. */
  private makeRoomBeyond(address: string): void {
    const { beyond, limits } = this;
    const isTooMany = beyond.of(address) >= limits.mostBeyondOfAddress;
    if (!isTooMany && beyond.all < limits.mostBeyond) return;
    const whose = isTooMany ? address : beyond.largest();
    const isOne = (one: Connection): boolean => one.isBeyond && one.address === whose;
    if (!this.evict(isOne)) this.end([...this.open.values()].find(isOne)!);
  }

  private evict(mayGo: (one: Connection) => boolean): boolean {
    for (const one of this.open.values()) {
      if (one.isBusy || !mayGo(one)) continue;
      this.end(one);
      return true;
    }
    return false;
  }

  private end(one: Connection): void {
    this.remove(one);
    one.socket.destroy();
    this.onEvicted();
  }

  private remove(one: Connection): void {
    if (this.open.get(one.name) !== one) return;
    this.open.delete(one.name);
    this.countsOf(one).add(one.address, -1);
  }

  private countsOf({ isBeyond }: Connection): Counts {
    return isBeyond ? this.beyond : this.within;
  }
}

/** Connections by address. */
class Counts {
  all = 0;
  private readonly each = new Map<string, number>();

  of(address: string): number {
    return this.each.get(address) ?? 0;
  }

  add(address: string, more: number): void {
    this.all += more;
    const count = this.of(address) + more;
    if (count > 0) this.each.set(address, count);
    else this.each.delete(address);
  }

  /** The address that has most. */
  largest(): string {
    let [most, address] = [-1, ""];
    for (const [one, count] of this.each) if (count > most) [most, address] = [count, one];
    return address;
  }
}

/** Where a socket leads from and to. */
type Ends = Pick<Socket, "remoteAddress" | "remotePort" | "localPort">;

/** The socket of TLS and the one below it have the same ends. */
function nameOf(socket: Ends): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localPort}`;
}

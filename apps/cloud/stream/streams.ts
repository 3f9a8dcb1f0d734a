import type { FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import type { Listener } from "../http/stop-listening.ts";
import { type Answer, type Hold, type OnRefused, StreamConnection, type StreamLimits } from "./connection.ts";

const LIMITS: StreamLimits = {
  maxInFlight: 32,
  maxUnreadBytes: 1 << 20,
  pingMs: 25_000,
  receiveMs: 120_000,
  idleMs: 5 * 60_000,
  leaveMs: 15 * 60_000,
};

/** All streams there are. They end as the connections of HTTP do: asked to leave, closed when idle, cut. */
export class Streams implements Listener {
  readonly listening = true;
  private readonly answer: Answer;
  private readonly limits: StreamLimits;
  private readonly onRefused: OnRefused;
  private readonly hold: Hold;
  private readonly open = new Set<StreamConnection>();
  private readonly pings: NodeJS.Timeout;
  private isLeaving = false;
  private onEmpty: () => void = () => {};

  constructor(
    answer: Answer,
    limits: Partial<StreamLimits> = {},
    onRefused: OnRefused = () => {},
    hold: Hold = () => null,
  ) {
    this.hold = hold;
    this.answer = answer;
    this.onRefused = onRefused;
    this.limits = { ...LIMITS, ...limits };
    this.pings = setInterval(() => {
      for (const connection of this.open) connection.check();
    }, this.limits.pingMs).unref();
  }

  get size(): number {
    return this.open.size;
  }

  add(socket: WebSocket, client: FastifyRequest): void {
    const { answer, limits, onRefused, hold } = this;
    const connection = new StreamConnection(socket, client, answer, limits, onRefused, hold);
    this.open.add(connection);
    socket.once("close", () => {
      this.open.delete(connection);
      if (this.open.size === 0) this.onEmpty();
    });
    if (this.isLeaving) connection.leave();
  }

  /** Asks all clients to send their next calls elsewhere; those that come are answered. */
  leave(): void {
    this.isLeaving = true;
    for (const connection of this.open) connection.leave();
  }

  close(ended: () => void): void {
    clearInterval(this.pings);
    this.leave();
    for (const connection of this.open) connection.refuse();
    this.onEmpty = ended;
    if (this.open.size === 0) ended();
  }

  closeIdleConnections(): void {
    for (const connection of this.open) if (connection.isIdle) connection.close();
  }

  closeAllConnections(): void {
    for (const connection of this.open) connection.cut();
  }
}

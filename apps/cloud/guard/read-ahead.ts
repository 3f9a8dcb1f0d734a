import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { discardBody } from "./discard-body.ts";

/** What makes the answer to a request. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

export interface ReadAheadLimits {
  /** Requests of one connection that are worked on at once. */
  readonly underWay: number;
  /** Requests of all connections that begin in one turn of the event loop: what many begin at once would hold it up. */
  readonly perTurn: number;
  /** Bytes of requests of one connection that wait for their turn, each counted with what is kept of it. */
  readonly maxWaitingBytes: number;
  /** The same of all connections. */
  readonly maxAllWaitingBytes: number;
}

export interface ReadAheadEvents {
  /** A connection has requests under way, or has none any more. */
  readonly onBusy?: (socket: Socket, isBusy: boolean) => void;
  /** A connection has sent too much, and is cut. */
  readonly onCut?: () => void;
}

const LIMITS: ReadAheadLimits = {
  underWay: 4,
  perTurn: 8,
  maxWaitingBytes: 1 << 20,
  maxAllWaitingBytes: 32 << 20,
};

/** What is kept of a request without a body. */
const REQUEST_BYTES = 4 << 10;
/** As much of a body as Node reads of it unasked. */
const MOST_BODY_BYTES = 64 << 10;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly bytes: number;
}

interface Due {
  readonly line: Line;
  readonly handle: Handle;
}

/** The requests of one connection that have not been answered. */
interface Line {
  readonly underWay: Set<ServerResponse>;
  readonly waiting: Exchange[];
  waitingBytes: number;
}

/**
 * Clients may send requests without waiting for answers (pipelining), and Node then makes all of them at once. Here a
 * few of each connection are worked on, others wait for their turn, and whoever sends more is cut. A response that waits
 * behind another one is told when its connection closes, which Node tells only the first: whatever is done for it, files
 * that are open or tails that run, hangs on that event.
 */
export class ReadAhead {
  private readonly limits: ReadAheadLimits;
  private readonly told: ReadAheadEvents;
  private readonly lines = new WeakMap<object, Line>();
  private allWaitingBytes = 0;
  /** Lines that may have something to begin. */
  private readonly due: Due[] = [];
  private begun = 0;
  private turn: NodeJS.Immediate | undefined;

  constructor(told: ReadAheadEvents = {}, limits: Partial<ReadAheadLimits> = {}) {
    this.told = told;
    this.limits = { ...LIMITS, ...limits };
  }

  /** Puts itself between a server and what handles its requests. */
  take(server: Pick<Server, "on" | "listeners" | "removeAllListeners">): void {
    const handlers = server.listeners("request") as Handle[];
    server.removeAllListeners("request");
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.add(request, response, (...exchange) => {
        for (const handle of handlers) handle(...exchange);
      });
    });
  }

  private add(request: IncomingMessage, response: ServerResponse, handle: Handle): void {
    const { socket } = request;
    const line = this.lineOf(socket);
    const isFree = line.underWay.size < this.limits.underWay && line.waiting.length === 0;
    if (isFree && this.begun < this.limits.perTurn) {
      this.start(line, { request, response, bytes: 0 }, handle);
      return;
    }
    const bytes = bytesOf(request);
    const { maxWaitingBytes, maxAllWaitingBytes } = this.limits;
    const isTooMuch =
      line.waitingBytes + bytes > maxWaitingBytes || this.allWaitingBytes + bytes > maxAllWaitingBytes;
    if (isTooMuch || socket.destroyed) {
      if (!socket.destroyed) this.told.onCut?.();
      socket.destroy();
      return;
    }
    line.waiting.push({ request, response, bytes });
    this.count(line, bytes);
    if (line.underWay.size < this.limits.underWay) this.plan({ line, handle });
  }

  private lineOf(socket: Socket): Line {
    const known = this.lines.get(socket);
    if (known !== undefined) return known;
    const line: Line = { underWay: new Set(), waiting: [], waitingBytes: 0 };
    this.lines.set(socket, line);
    socket.once("close", () => {
      this.lines.delete(socket);
      line.waiting.length = 0;
      this.count(line, -line.waitingBytes);
      for (const response of line.underWay) tellClosed(response);
    });
    return line;
  }

  private start(line: Line, { request, response }: Exchange, handle: Handle): void {
    this.begun++;
    this.turn ??= setImmediate(() => this.begin());
    line.underWay.add(response);
    if (line.underWay.size === 1) this.told.onBusy?.(request.socket, true);
    response.once("prefinish", () => discardBody(request));
    response.once("close", () => {
      line.underWay.delete(response);
      this.plan({ line, handle });
      if (line.underWay.size + line.waiting.length === 0) this.told.onBusy?.(request.socket, false);
    });
    handle(request, response);
  }

  private plan(due: Due): void {
    this.due.push(due);
    this.turn ??= setImmediate(() => this.begin());
  }

  /** Another turn of the event loop: some more may begin. */
  private begin(): void {
    this.turn = undefined;
    this.begun = 0;
    while (this.begun < this.limits.perTurn) {
      const due = this.due.shift();
      if (due === undefined) return;
      this.next(due);
    }
    this.turn ??= setImmediate(() => this.begin());
  }

  private next({ line, handle }: Due): void {
    if (line.underWay.size >= this.limits.underWay) return;
    const first = line.waiting.shift();
    if (first === undefined) return;
    this.count(line, -first.bytes);
    this.start(line, first, handle);
  }

  private count(line: Line, bytes: number): void {
    line.waitingBytes += bytes;
    this.allWaitingBytes += bytes;
  }
}

/**
 * Closes what would be streamed to somebody who has left: nobody would tell it any more. After all other hooks that await
 * anything.
 */
export function closeUnsent(app: FastifyInstance): void {
  app.addHook("onSend", async (_, reply, payload) => {
    if (reply.raw.destroyed && isStream(payload)) payload.destroy();
    return payload;
  });
}

function isStream(payload: unknown): payload is NodeJS.ReadableStream & { destroy(): void } {
  return typeof (payload as { destroy?: unknown } | null)?.destroy === "function";
}

/** As Node does for the response whose turn it is. */
function tellClosed(response: ServerResponse): void {
  if (response.destroyed || response.closed) return;
  response.destroy();
  response.emit("close");
}

function bytesOf({ headers }: IncomingMessage): number {
  const isChunked = headers["transfer-encoding"] !== undefined;
  const body = isChunked ? MOST_BODY_BYTES : Number(headers["content-length"] ?? 0);
  return REQUEST_BYTES + Math.min(MOST_BODY_BYTES, body);
}

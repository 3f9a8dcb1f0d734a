import type { FastifyRequest } from "fastify";
import type { WebSocket } from "ws";
import { EddiError, toEddiError } from "#shared/errors";
import { callId, decodeCall, encodeReply, type StreamReply } from "#shared/protocol";
import type { HeldBytes } from "../guard/bytes-under-way.ts";
import { Shed, type ShedReason } from "../tails/executor.ts";
import { type CallReply, errorReply, type InferMessage } from "./answer-call.ts";
import { countArriving } from "./arriving-bytes.ts";

export interface StreamLimits {
  /** Calls of one connection that may be under way. */
  readonly maxInFlight: number;
  /** Bytes of replies that a client may leave unread. */
  readonly maxUnreadBytes: number;
  /** How often it is asked whether the other side is there. */
  readonly pingMs: number;
  /** Longest that one message may take to come. */
  readonly receiveMs: number;
  /** A connection without calls is closed after so long. */
  readonly idleMs: number;
  /** Then it is asked to leave: streams that last for ever would keep new replicas without work. */
  readonly leaveMs: number;
}

/** Told of a call that is refused, as its stream has too many. */
export type OnRefused = (client: FastifyRequest, call: InferMessage, why: EddiError) => void;

/** What answers a call; it never rejects. */
export type Answer = (client: FastifyRequest, call: InferMessage, signal: AbortSignal) => Promise<CallReply>;

/** Counts the bytes of a client's messages that are not whole yet. */
export type Hold = (client: FastifyRequest, onTaken: (why: EddiError) => void) => HeldBytes | null;

/** Of WebSocket: why a connection is closed. */
const CLOSE = { away: 1001, protocol: 1002, notBinary: 1003, restart: 1012, tryLater: 1013 } as const;
/** For the close frame to be read, once nothing more is. */
const GIVE_UP_MS = 1_000;
/** Of a close frame's reason. */
const MOST_REASON = 120;

/** One client's stream: its calls under way, and whether it is alive. */
export class StreamConnection {
  private readonly socket: WebSocket;
  private readonly client: FastifyRequest;
  private readonly answer: Answer;
  private readonly limits: StreamLimits;
  private readonly onRefused: OnRefused;
  private readonly inFlight = new Map<number, AbortController>();
  private readonly openedMs = performance.now();
  private calledMs = this.openedMs;
  /** When the last whole message, or answer to a ping, was there. */
  private heardMs = this.openedMs;
  private bytesAtPing = -1;
  private isLeaving = false;
  private isClosing = false;

  constructor(
    socket: WebSocket,
    client: FastifyRequest,
    answer: Answer,
    limits: StreamLimits,
    onRefused: OnRefused,
    hold: Hold = () => null,
  ) {
    this.socket = socket;
    this.client = client;
    this.answer = answer;
    this.limits = limits;
    this.onRefused = onRefused;
    socket.on("message", (data: Buffer, isBinary) => {
      this.heardMs = performance.now();
      if (isBinary) this.take(data);
      else socket.close(CLOSE.notBinary, "expected binary messages, got text");
    });
    socket.on("pong", () => {
      this.heardMs = performance.now();
    });
    const held = hold(client, (why) => this.giveUp(why));
    if (held !== null) countArriving(socket, client.raw.socket, held, (thrown) => this.giveUp(thrown));
    socket.on("close", () => {
      for (const call of this.inFlight.values()) call.abort();
    });
  }

  get isIdle(): boolean {
    return this.inFlight.size === 0;
  }

  /** Asks the client to send its next call elsewhere. */
  leave(): void {
    if (this.isLeaving) return;
    this.isLeaving = true;
    this.send({ kind: "leave" });
  }

  /** Refuses calls from now on; those under way go on. */
  refuse(): void {
    this.isClosing = true;
  }

  close(): void {
    this.socket.close(CLOSE.restart, "the service ends");
  }

  cut(): void {
    this.socket.terminate();
  }

  /** There is no memory for what comes: no call of it can be refused by itself, as none is there yet. */
  private giveUp(why: unknown): void {
    this.socket.close(CLOSE.tryLater, toEddiError(why).message.slice(0, MOST_REASON));
    this.socket.pause();
    setTimeout(() => this.cut(), GIVE_UP_MS).unref();
  }

  /** Drops a peer that is dead, stuck or idle, and asks the others whether they are there. */
  check(): void {
    const { receiveMs, idleMs, leaveMs } = this.limits;
    const now = performance.now();
    // A message that is still coming counts: no pong comes in its middle.
    const { bytesRead } = this.client.raw.socket;
    if (bytesRead === this.bytesAtPing || now - this.heardMs > receiveMs) this.cut();
    else if (this.isIdle && now - this.calledMs > idleMs) this.socket.close(CLOSE.away, "no calls");
    else {
      if (now - this.openedMs > leaveMs) this.leave();
      this.socket.ping();
    }
    this.bytesAtPing = bytesRead;
  }

  private take(message: Buffer): void {
    try {
      const call = decodeCall(message);
      if (call.kind === "cancel") this.inFlight.get(call.id)?.abort();
      else if (this.inFlight.has(call.id)) {
        // Whatever were said under this id would be taken for the answer to the first.
        this.socket.close(CLOSE.protocol, `expected another id than ${call.id}, which is under way`);
      } else void this.run(call);
    } catch (thrown) {
      const id = callId(message);
      if (id === null) this.socket.close(CLOSE.protocol, toEddiError(thrown).message);
      else this.send(errorReply(this.client, id, thrown));
    }
  }

  private async run(call: InferMessage): Promise<void> {
    const refusal = this.refusal();
    if (refusal !== null) {
      this.onRefused(this.client, call, refusal);
      this.send(errorReply(this.client, call.id, refusal));
      return;
    }
    this.calledMs = performance.now();
    const gone = new AbortController();
    this.inFlight.set(call.id, gone);
    const reply = await this.answer(this.client, call, gone.signal);
    this.inFlight.delete(call.id);
    if (!gone.signal.aborted) this.send(reply);
  }

  private refusal(): EddiError | null {
    const { maxInFlight } = this.limits;
    if (this.isClosing) return shed("closing", "the service is closing");
    if (this.inFlight.size < maxInFlight) return null;
    return shed("calls", `expected at most ${maxInFlight} calls under way, got one more`);
  }

  private send(reply: StreamReply): void {
    const { socket, limits } = this;
    if (socket.readyState !== socket.OPEN) return;
    // A close frame would only wait behind what is not read.
    if (socket.bufferedAmount > limits.maxUnreadBytes) this.cut();
    else socket.send(encodeReply(reply));
  }
}

function shed(reason: ShedReason, message: string): EddiError {
  return new EddiError("unavailable", message, { cause: new Shed(reason, 0) });
}

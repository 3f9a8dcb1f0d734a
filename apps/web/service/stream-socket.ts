import { EddiError, toEddiError } from "#shared/errors";
import { decodeReply, encodeCall, type StreamCall, type StreamReply } from "#shared/protocol";

export type StreamAnswer = Extract<StreamReply, { kind: "reply" }> & { readonly arrivedMs: number };
/** A call without its id. */
export type StreamAsk = Omit<Extract<StreamCall, { kind: "infer" }>, "kind" | "id">;

interface Pending {
  readonly resolve: (answer: StreamAnswer) => void;
  readonly reject: (reason: unknown) => void;
}

/** A call given up after so long without a word from the other side leaves the connection in doubt. */
const DOUBT_MS = 2000;

/** One WebSocket to the service, from its handshake to its end. Every call settles. */
export class StreamSocket {
  /** Rejects with `unavailable` when the handshake fails. */
  readonly opened: Promise<void>;
  private readonly socket: WebSocket;
  private readonly pending = new Map<number, Pending>();
  private nextId = 0;
  private heardMs = Number.NEGATIVE_INFINITY;
  private isLeft = false;
  private readonly onLeft: () => void;

  /** @param onLeft called once: no more calls should be made of it, though some may be under way */
  constructor(socket: WebSocket, onLeft: () => void) {
    this.socket = socket;
    this.onLeft = onLeft;
    socket.binaryType = "arraybuffer";
    this.opened = new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("close", ({ code, reason }) => {
        const error = new EddiError("unavailable", `the stream ended: ${code} ${reason}`.trim());
        reject(error);
        this.giveUp(error);
      });
    });
    this.opened.catch(() => {});
    socket.addEventListener("message", ({ data }) => this.take(new Uint8Array(data as ArrayBuffer)));
  }

  get isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN && !this.isLeft;
  }

  /** @throws EddiError `unavailable` when the stream ends first; the signal's reason when that aborts */
  ask(asked: StreamAsk, signal: AbortSignal): Promise<StreamAnswer> {
    const id = this.nextId++;
    const sentMs = performance.now();
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const cancel = (): void => {
        this.pending.delete(id);
        reject(signal.reason);
        this.cancel(id, sentMs);
      };
      signal.addEventListener("abort", cancel, { once: true });
      const settled = (): void => signal.removeEventListener("abort", cancel);
      this.pending.set(id, {
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      });
      this.socket.send(encodeCall({ kind: "infer", id, ...asked }));
    });
  }

  /** Takes no more calls; closes when those under way have settled. */
  leave(): void {
    if (!this.isLeft) {
      this.isLeft = true;
      this.onLeft();
    }
    if (this.pending.size === 0) this.socket.close();
  }

  private cancel(id: number, sentMs: number): void {
    const { socket } = this;
    const isSilent = this.heardMs < sentMs && performance.now() - sentMs >= DOUBT_MS;
    // The link is dead, or what nobody waits for any more still has to go up before all that follows.
    if (isSilent || socket.bufferedAmount > 0) {
      this.giveUp(new EddiError("unavailable", "the stream is stuck"));
      socket.close();
    } else {
      if (socket.readyState === socket.OPEN) socket.send(encodeCall({ kind: "cancel", id }));
      if (this.isLeft) this.leave();
    }
  }

  private take(message: Uint8Array): void {
    const arrivedMs = performance.now();
    this.heardMs = arrivedMs;
    try {
      const reply = decodeReply(message);
      if (reply.kind === "reply") {
        const pending = this.pending.get(reply.id);
        this.pending.delete(reply.id);
        pending?.resolve({ ...reply, arrivedMs });
      }
      if (reply.kind === "leave" || this.isLeft) this.leave();
    } catch (thrown) {
      this.giveUp(new EddiError("unavailable", toEddiError(thrown).message));
      this.socket.close();
    }
  }

  /** Gives everything up. */
  private giveUp(reason: EddiError): void {
    for (const { reject } of this.pending.values()) reject(reason);
    this.pending.clear();
    if (this.isLeft) return;
    this.isLeft = true;
    this.onLeft();
  }
}

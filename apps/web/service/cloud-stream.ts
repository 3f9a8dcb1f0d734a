import { EddiError } from "#shared/errors";
import { type StreamAnswer, type StreamAsk, StreamSocket } from "./stream-socket.ts";

/** Between a stream that ended, or would not open, and the next try; doubled until one answers. */
const FIRST_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;

/**
 * The fast path to the service: a WebSocket, opened when it is first wanted and again when it was lost. Nothing
 * happens while nobody asks.
 */
export class CloudStream {
  private readonly open: () => WebSocket;
  private current: StreamSocket | null = null;
  private delayMs = FIRST_DELAY_MS;
  private nextTryMs = Number.NEGATIVE_INFINITY;

  /** @param open begins to connect */
  constructor(open: () => WebSocket) {
    this.open = open;
  }

  get isOpen(): boolean {
    return this.current?.isOpen === true;
  }

  /** Begins to connect, unless it is connected or has just failed. */
  connect(): void {
    if (this.current !== null || performance.now() < this.nextTryMs) return;
    try {
      const socket = new StreamSocket(this.open(), () => {
        if (this.current === socket) this.current = null;
        this.backOff();
      });
      this.current = socket;
    } catch {
      // A content security policy that does not know of WebSockets throws.
      this.backOff();
    }
  }

  /** Resolves when it is open. @throws EddiError `unavailable` when it cannot be opened now */
  async opened(): Promise<void> {
    this.connect();
    if (this.current === null) throw new EddiError("unavailable", "the stream cannot be opened now");
    await this.current.opened;
  }

  /** Only while it is open. @throws as `StreamSocket.ask` */
  async ask(asked: StreamAsk, signal: AbortSignal): Promise<StreamAnswer> {
    const answer = await this.current!.ask(asked, signal);
    this.delayMs = FIRST_DELAY_MS;
    return answer;
  }

  private backOff(): void {
    this.nextTryMs = performance.now() + this.delayMs;
    this.delayMs = Math.min(2 * this.delayMs, MAX_DELAY_MS);
  }
}

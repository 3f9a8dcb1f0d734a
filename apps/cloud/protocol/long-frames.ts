import { Worker } from "node:worker_threads";
import { EddiError } from "#shared/errors";
import { decodeRequest, type Frame, type InferRequest } from "#shared/protocol";
import { goneError } from "../pool/pending-tail.ts";
import { startOf, WORKERS } from "../pool/worker-entry.ts";
import { Shed } from "../tails/executor.ts";
import { type Answer, frameAnswer, textScores } from "../worker-messages/frame-answer.ts";
import type { FrameJob, FrameReply, FrameSetup } from "../worker-messages/frame-messages.ts";

export interface LongFrameOptions {
  /** Longest that a frame may wait for its turn. */
  readonly patienceMs: number;
  /** Longer takes none: then the thread is given up. */
  readonly limitMs: number;
  /** The module that the thread runs. */
  readonly entry?: URL;
}

/** A frame whose JSON is longer is parsed elsewhere: of so many bytes, whatever they are, it takes milliseconds. */
const SHORT_JSON_BYTES = 32 << 10;
/** So many numbers are written as text in about a millisecond. */
const SHORT_SCORES = 4_000;
/** JSON of 4 MiB takes up to 200 MB when it is parsed. */
const HEAP_MB = 512;

/** Whose turn a frame takes. */
export interface FrameAsker {
  readonly client: string;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly job: FrameJob;
  readonly signal: AbortSignal;
  readonly sinceMs: number;
  readonly resolve: (reply: Exclude<FrameReply, { kind: "failed" }>) => void;
  readonly reject: (why: EddiError) => void;
}

/**
 * Reads and writes frames. Those with much text are read and written in a thread, so that nobody else waits for them;
 * there clients take turns, a frame each. The thread is started when it is needed first, and anew when it is lost.
 */
export class LongFrames {
  private readonly options: LongFrameOptions;
  /** By client, in the order of their turns. */
  private readonly waiting = new Map<string, Waiting[]>();
  private thread: Worker | null = null;
  /** When it gave its first answer; never before. */
  private warmMs = Number.POSITIVE_INFINITY;
  private running: Waiting | null = null;
  private limit: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(options: LongFrameOptions) {
    this.options = options;
  }

  /**
   * Decodes a request. Its body may be handed over, and is not to be used again.
   *
   * @returns the request, and what it took elsewhere, milliseconds
   * @throws EddiError as `decodeRequest`; `unavailable` when too many wait, or the thread was lost; `cancelled`
   */
  async decode(
    { client, signal }: FrameAsker,
    body: Uint8Array,
    jsonBytes: number | null,
  ): Promise<{ readonly request: InferRequest; readonly ms: number }> {
    if ((jsonBytes ?? body.byteLength) <= SHORT_JSON_BYTES) {
      return { request: decodeRequest(body, jsonBytes), ms: 0 };
    }
    const reply = await this.add({ client, signal }, { kind: "decode", body, jsonBytes });
    if (reply.kind !== "decoded") throw new Error(`expected a request, got ${reply.kind}`);
    return reply;
  }

  /** Frames an answer. @throws EddiError `unavailable` as `decode` */
  async encode(asker: FrameAsker, answer: Answer): Promise<Frame> {
    if (textScores(answer) <= SHORT_SCORES) return frameAnswer(answer);
    const reply = await this.add(asker, { kind: "encode", answer });
    if (reply.kind !== "encoded") throw new Error(`expected a frame, got ${reply.kind}`);
    return reply.frame;
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const one of [...this.waiting.values()].flat()) one.reject(closedError());
    this.waiting.clear();
    this.lose(closedError());
  }

  private add(
    { client, signal }: FrameAsker,
    job: FrameJob,
  ): Promise<Exclude<FrameReply, { kind: "failed" }>> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw closedError();
      const own = this.waiting.get(client) ?? [];
      own.push({ job, signal, sinceMs: performance.now(), resolve, reject });
      this.waiting.set(client, own);
      this.next();
    });
  }

  private next(): void {
    while (this.running === null) {
      const one = this.take();
      if (one === undefined) return;
      // That a thread starts is no reason to refuse what waits for it.
      const waitedMs = performance.now() - Math.max(one.sinceMs, this.warmMs);
      if (one.signal.aborted) one.reject(goneError(performance.now() - one.sinceMs));
      else if (waitedMs <= this.options.patienceMs) this.start(one);
      else one.reject(patienceError(this.options.patienceMs, waitedMs));
    }
  }

  /** The first of the client whose turn it is, who then comes last. */
  private take(): Waiting | undefined {
    for (const [client, own] of this.waiting) {
      const first = own.shift();
      this.waiting.delete(client);
      if (own.length > 0) this.waiting.set(client, own);
      return first;
    }
    return undefined;
  }

  private start(one: Waiting): void {
    this.running = one;
    const { limitMs } = this.options;
    this.limit = setTimeout(() => this.lose(lostError()), limitMs);
    this.thread ??= this.open();
    const handedOver = one.job.kind === "decode" ? [one.job.body.buffer as ArrayBuffer] : [];
    this.thread.postMessage(one.job, handedOver);
  }

  private open(): Worker {
    const { entry = WORKERS.frames } = this.options;
    const workerData: FrameSetup = { entry: entry.href };
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB };
    const thread = new Worker(startOf(entry.href), { workerData, resourceLimits });
    // It keeps nobody from ending.
    thread.unref();
    const lost = (): void => {
      if (this.thread === thread) this.lose(lostError());
    };
    thread.on("message", (reply: FrameReply) => {
      if (this.thread === thread) this.settle(reply);
    });
    thread.on("error", lost).on("messageerror", lost).on("exit", lost);
    return thread;
  }

  private settle(reply: FrameReply): void {
    clearTimeout(this.limit);
    this.warmMs = Math.min(this.warmMs, performance.now());
    const one = this.running;
    this.running = null;
    if (reply.kind === "failed") one?.reject(new EddiError(reply.code, reply.message));
    else one?.resolve(reply);
    this.next();
  }

  private lose(why: EddiError): void {
    clearTimeout(this.limit);
    const { thread, running } = this;
    [this.thread, this.running, this.warmMs] = [null, null, Number.POSITIVE_INFINITY];
    running?.reject(why);
    thread?.terminate().catch(() => {});
    if (!this.closed) this.next();
  }
}

function patienceError(patienceMs: number, waitedMs: number): EddiError {
  const message = `expected a long frame to be read within ${patienceMs} ms, it had to wait: send tensors as binary data`;
  return new EddiError("unavailable", message, { cause: new Shed("long-frames", waitedMs) });
}

function lostError(): EddiError {
  const message = "expected the frame to be read, its thread stopped: try again";
  return new EddiError("unavailable", message, { cause: new Shed("worker-lost", 0) });
}

function closedError(): EddiError {
  return new EddiError("unavailable", "the service is closing", { cause: new Shed("closing", 0) });
}

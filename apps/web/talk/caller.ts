import { EddiError, toEddiError } from "#shared/errors";
import type { Channel, ToCaller, ToServer } from "./messages.ts";

export interface CallOptions {
  readonly transfer?: Transferable[];
  readonly signal?: AbortSignal | undefined;
  /** Told what the other side tells of this call before it returns. */
  readonly onProgress?: ((progress: never) => void) | undefined;
}

/**
 * The calling end of a conversation. Every call settles: with the reply, with the other side's error, with
 * `cancelled` when its signal aborts, or with the reason given to `close`.
 *
 * @typeParam Request a union, told apart by `kind`
 * @typeParam Replies what each kind of request is answered with
 */
export class Caller<Request extends { readonly kind: string }, Replies, Event> {
  private readonly channel: Channel;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private closed: EddiError | null = null;

  constructor(channel: Channel, onEvent: (event: Event) => void) {
    this.channel = channel;
    channel.addEventListener("message", ({ data }: MessageEvent<ToCaller<unknown, Event>>) => {
      if (this.closed !== null) return;
      if (data.type === "event") return onEvent(data.event);
      const call = this.pending.get(data.id);
      if (data.type === "progress") return call?.onProgress?.(data.progress as never);
      this.pending.delete(data.id);
      if (data.type === "return") call?.resolve(data.reply);
      else call?.reject(new EddiError(data.code, data.message));
    });
  }

  async call<R extends Request>(
    request: R,
    { transfer = [], signal, onProgress }: CallOptions = {},
  ): Promise<R["kind"] extends keyof Replies ? Replies[R["kind"]] : never> {
    if (this.closed !== null) throw this.closed;
    if (signal?.aborted) throw toEddiError(signal.reason, "cancelled");
    const id = this.nextId++;
    const call: Pending = { ...withResolvers<unknown>(), onProgress };
    this.pending.set(id, call);
    const cancel = (): void => {
      if (!this.pending.delete(id)) return;
      this.channel.postMessage({ type: "cancel", id } satisfies ToServer<Request>, []);
      call.reject(toEddiError(signal?.reason, "cancelled"));
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      this.channel.postMessage({ type: "call", id, request } satisfies ToServer<Request>, transfer);
      return (await call.promise) as never;
    } finally {
      this.pending.delete(id);
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Rejects what is pending and all later calls. */
  close(reason: EddiError): void {
    if (this.closed !== null) return;
    this.closed = reason;
    for (const call of this.pending.values()) call.reject(reason);
    this.pending.clear();
  }
}

interface Pending extends PromiseWithResolvers<unknown> {
  readonly onProgress: CallOptions["onProgress"];
}

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** `Promise.withResolvers`, which Safari has only since 17.4. */
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

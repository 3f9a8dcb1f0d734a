import { EddiError, toEddiError } from "#shared/errors";
import type { Channel, ToCaller, ToServer } from "./messages.ts";

/** A reply, and what of it is transferred. */
export interface Served {
  readonly reply: unknown;
  readonly transfer?: Transferable[];
}

/**
 * The serving end of a conversation: runs the handler for every call and sends what it returns or throws.
 *
 * @param handle gets a signal that aborts when the caller cancels, and a way to tell the caller how far it is
 * @returns sends an event
 */
export function serve<Request, Event>(
  channel: Channel,
  handle: (request: Request, signal: AbortSignal, onProgress: (progress: unknown) => void) => Promise<Served>,
): (event: Event) => void {
  const running = new Map<number, AbortController>();
  const send = (message: ToCaller<unknown, Event>, transfer: Transferable[] = []): void =>
    channel.postMessage(message, transfer);
  channel.addEventListener("message", ({ data }: MessageEvent<ToServer<Request>>) => {
    if (data.type === "cancel") {
      running.get(data.id)?.abort(new EddiError("cancelled", "the caller cancelled"));
      return;
    }
    const { id, request } = data;
    const controller = new AbortController();
    running.set(id, controller);
    const onProgress = (progress: unknown): void => {
      if (running.has(id)) send({ type: "progress", id, progress });
    };
    handle(request, controller.signal, onProgress)
      .then(({ reply, transfer }) => send({ type: "return", id, reply }, transfer))
      .catch((thrown: unknown) => {
        const { code, message } = toEddiError(thrown);
        send({ type: "failed", id, code, message });
      })
      .finally(() => running.delete(id));
  });
  return (event) => send({ type: "event", event });
}

import { EddiError, toEddiError } from "#shared/errors";
import { Caller } from "../talk/caller.ts";

export type WorkerKind = "edge" | "optimizer";
export type StartWorker = (kind: WorkerKind) => Worker;

/** The workers that lie beside this file. Bundlers look for these very words. */
export function startWorker(kind: WorkerKind): Worker {
  return kind === "edge"
    ? new Worker(new URL("../edge/worker.ts", import.meta.url), { type: "module" })
    : new Worker(new URL("../optimizer/worker.ts", import.meta.url), { type: "module" });
}

export interface WorkerEndOptions<Event> {
  readonly kind: WorkerKind;
  readonly start: StartWorker;
  readonly onEvent: (event: Event) => void;
  /** It is of no use any more, and is to be ended. */
  readonly onFailed: (reason: EddiError) => void;
}

/** A worker that was started, and this thread's end of the conversation with it. */
export class WorkerEnd<Request extends { readonly kind: string }, Replies, Event> {
  readonly call: Caller<Request, Replies, Event>["call"];
  private readonly worker: Worker;
  private readonly caller: Caller<Request, Replies, Event>;

  /** @throws EddiError `unavailable` where the browser starts none, such as of another origin than the page's */
  constructor({ kind, start, onEvent, onFailed }: WorkerEndOptions<Event>) {
    const fail = (what: string): void =>
      onFailed(new EddiError("internal", `the ${kind} worker failed: ${what}`));
    try {
      this.worker = start(kind);
    } catch (cause) {
      const { message } = toEddiError(cause);
      throw new EddiError("unavailable", `the ${kind} worker cannot be started: ${message}`, { cause });
    }
    this.caller = new Caller<Request, Replies, Event>(this.worker, onEvent);
    this.call = (request, options) => this.caller.call(request, options);
    this.worker.addEventListener("error", ({ message }) => fail(message || "it did not load"));
    this.worker.addEventListener("messageerror", () => fail("a message could not be read"));
  }

  /** Ends the worker. What was asked of it, and all that will be, fails for this reason. */
  end(reason: EddiError): void {
    this.worker.terminate();
    this.caller.close(reason);
  }
}

import { EddiError, toEddiError } from "#shared/errors";
import type { SimulatedConditions } from "#shared/model";
import { afterSilence } from "../service/silence.ts";
import type {
  Answer,
  AnswerOptions,
  Backend,
  EdgeEvent,
  EdgeReplies,
  EdgeRequest,
  EdgeSettings,
  ImageSource,
  ModelSummary,
  Provisional,
  Timing,
} from "../talk/edge.ts";
import { isHandedOn } from "../talk/handed-on.ts";
import type { OptimizerEvent } from "../talk/optimizer.ts";
import { orAborted } from "../talk/within.ts";
import { OptimizerSide } from "./optimizer-side.ts";
import type { CheckedClient } from "./options.ts";
import { WorkerEnd } from "./worker-end.ts";

export interface SessionListener {
  onModel(model: ModelSummary): void;
  onEdge(event: EdgeEvent): void;
  onOptimizer(event: OptimizerEvent): void;
  /** For the user to read. */
  onProblem(error: EddiError): void;
}

/** How whoever asks hears of an answer under way, and gives it up. */
export interface Hearing {
  readonly signal?: AbortSignal | undefined;
  /** Told answers that are there at once, while a better one may follow. */
  readonly onProvisional?: ((answer: Provisional) => void) | undefined;
}

type EdgeEnd = WorkerEnd<EdgeRequest, EdgeReplies, EdgeEvent>;

/** Restarts of a worker that fails for no known reason. */
const RESTARTS = 3;
const REOPEN_MS = 5000;
/** An edge worker that is silent for so long is taken for hung. */
const HUNG_MS = 120_000;

/** The two workers: starts them, joins them, and replaces one that fails. Every promise settles, whatever they do. */
export class Session {
  private readonly checked: CheckedClient;
  private readonly listener: SessionListener;
  private readonly closing = new AbortController();
  /** Known once the workers are started. */
  private settings: Omit<EdgeSettings, "avoid" | "savesData"> | null = null;
  /** What the edge computes on now, and what it hung on before. */
  private backend: Backend | null = null;
  private readonly hung = new Set<Backend>();
  private restarts = 0;
  readonly optimizer: OptimizerSide;
  /** Null before it is started. */
  private edge: EdgeEnd | null = null;
  private opened: Promise<ModelSummary>;
  /** What is waited for as if it were so; undefined while nobody has asked for anything like that. */
  private simulated: SimulatedConditions | null | undefined;
  private reopening: ReturnType<typeof setTimeout> | undefined;
  /** When the edge worker said something last: long downloads say how far they are. */
  private heardMs = Number.NEGATIVE_INFINITY;

  constructor(checked: CheckedClient, listener: SessionListener) {
    this.checked = checked;
    this.listener = listener;
    this.optimizer = new OptimizerSide({
      service: checked.settings.service,
      cloud: checked.settings.cloud,
      objectives: checked.objectives,
      startWorker: checked.startWorker,
      onEvent: (event) => listener.onOptimizer(event),
      onProblem: (error) => listener.onProblem(error),
      mayRestart: () => ++this.restarts <= RESTARTS,
      onReplaced: (port) => this.connect(port),
    });
    this.opened = this.start();
    this.opened.catch(() => {}); // Told as a problem; whoever awaits it hears of it too.
  }

  /** Settles when the model is known, or cannot be had. */
  get ready(): Promise<ModelSummary> {
    return this.opened;
  }

  /**
   * Answers an image. A bitmap or a frame is transferred; everything else can be sent again, and is, if the worker
   * dies over it.
   */
  async answer(image: ImageSource, options: AnswerOptions, hearing: Hearing = {}): Promise<Answer> {
    try {
      return await this.answerOnce(image, options, hearing);
    } catch (thrown) {
      const error = toEddiError(thrown);
      const isRepeatable = !isHandedOn(image);
      if (error.code !== "internal" || !isRepeatable || this.restarts >= RESTARTS) throw error;
      return this.answerOnce(image, options, hearing);
    }
  }

  async settle(): Promise<void> {
    await this.opened;
    await this.edge!.call({ kind: "settle" });
  }

  async time(what: Timing): Promise<number> {
    await this.opened;
    return this.edge!.call({ kind: "time", what });
  }

  /** An edge worker that takes the place of this one is told as well. */
  simulate(conditions: SimulatedConditions | null): void {
    this.simulated = conditions;
    this.tellSimulated();
  }

  private tellSimulated(): void {
    if (this.simulated === undefined) return;
    // One that cannot be told has failed, which is told elsewhere.
    this.edge?.call({ kind: "simulate", conditions: this.simulated }).catch(() => {});
  }

  /** Ends both workers. All that is under way fails for this reason, and all that is asked later. */
  close(reason: EddiError): void {
    this.closing.abort(reason);
    clearTimeout(this.reopening);
    this.edge?.end(reason);
    this.optimizer.end(reason);
  }

  private async answerOnce(
    image: ImageSource,
    options: AnswerOptions,
    { signal, onProvisional }: Hearing,
  ): Promise<Answer> {
    await orAborted(this.opened, signal);
    const edge = this.edge!;
    const transfer = isHandedOn(image) ? [image] : [];
    const endWatch = afterSilence(
      () => this.heardMs,
      HUNG_MS,
      () => this.restartHung(edge),
    );
    try {
      const how = { transfer, signal, onProgress: onProvisional };
      return await edge.call({ kind: "answer", image, options }, how);
    } finally {
      endWatch();
    }
  }

  /** Both workers load while it is found out which model it is. */
  private async start(): Promise<ModelSummary> {
    const { signal } = this.closing;
    try {
      await null; // Whoever made this listens first.
      signal.throwIfAborted();
      this.optimizer.start();
      this.edge = this.newEdge();
      const model = await orAborted(this.checked.model, signal);
      this.settings = { ...this.checked.settings, model };
    } catch (thrown) {
      const error = toEddiError(thrown);
      if (!signal.aborted) this.listener.onProblem(error);
      this.edge?.end(error);
      this.optimizer.end(error);
      throw thrown;
    }
    return this.startEdge(this.edge);
  }

  /** Joins the edge with another optimizer; without one the cloud does everything that no plan is given for. */
  private connect(optimizer: MessagePort | null): void {
    // An edge worker that cannot be told has failed, which is told elsewhere.
    this.edge?.call({ kind: "connect", optimizer }, { transfer: transferOf(optimizer) }).catch(() => {});
  }

  /** @param edge one that was started and has opened nothing yet; if not given, another is started */
  private startEdge(edge?: EdgeEnd): Promise<ModelSummary> {
    const opened = this.openEdge(edge);
    this.opened = opened;
    opened.then(
      (model) => this.listener.onModel(model),
      (thrown: unknown) => {
        // Of a worker that failed it has been told.
        if (this.opened === opened && !this.closing.signal.aborted) this.cannotOpen(toEddiError(thrown));
      },
    );
    return opened;
  }

  /** @throws EddiError of the edge; `unavailable` where the browser starts no worker */
  private async openEdge(edge = this.newEdge()): Promise<ModelSummary> {
    this.edge = edge;
    const settings = { ...this.settings!, avoid: [...this.hung], savesData: savesData() };
    const optimizer = this.optimizer.port();
    const opened = edge.call({ kind: "open", settings, optimizer }, { transfer: transferOf(optimizer) });
    this.tellSimulated();
    return opened;
  }

  /** @throws EddiError `unavailable` where the browser starts no worker */
  private newEdge(): EdgeEnd {
    const edge: EdgeEnd = new WorkerEnd({
      kind: "edge",
      start: this.checked.startWorker,
      onEvent: (event) => this.onEdge(edge, event),
      onFailed: (reason) => this.replaceEdge(edge, reason),
    });
    return edge;
  }

  /** Tries again where the service could not be reached. */
  private cannotOpen(error: EddiError): void {
    this.listener.onProblem(error);
    if (error.code !== "unavailable") return;
    const { edge } = this;
    this.reopening = setTimeout(() => {
      if (this.edge !== edge) return;
      edge?.end(new EddiError("unavailable", "the model is being fetched again"));
      this.startEdge();
    }, REOPEN_MS);
  }

  private onEdge(edge: EdgeEnd, event: EdgeEvent): void {
    if (this.edge !== edge) return;
    this.heardMs = performance.now();
    if (event.kind === "engine") this.backend = event.engine.backend;
    if (event.kind === "lost") this.backend = null;
    this.listener.onEdge(event);
  }

  /** A call into a GPU's driver may never return. WASM's do. */
  private restartHung(edge: EdgeEnd): void {
    const { backend } = this;
    if (backend !== null && backend !== "wasm") this.hung.add(backend);
    this.replaceEdge(edge, new EddiError("internal", "the edge worker failed: no answer from it"));
  }

  private replaceEdge(failed: EdgeEnd, reason: EddiError): void {
    if (this.edge !== failed || this.closing.signal.aborted) return;
    this.listener.onProblem(reason);
    failed.end(reason);
    if (++this.restarts <= RESTARTS) {
      // Before it is known which model it is there is nothing to open.
      if (this.settings === null) this.edge = this.newEdge();
      else this.startEdge();
      return;
    }
    this.opened = Promise.reject(reason);
    this.opened.catch(() => {});
  }
}

function transferOf(port: MessagePort | null): Transferable[] {
  return port === null ? [] : [port];
}

/** Whether the user asked the browser for few bytes; not all browsers tell. */
function savesData(): boolean {
  const { navigator } = globalThis as {
    readonly navigator?: { readonly connection?: { readonly saveData?: boolean } };
  };
  return navigator?.connection?.saveData === true;
}

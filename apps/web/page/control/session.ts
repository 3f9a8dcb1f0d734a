import { EddiError, toEddiError } from "#shared/errors";
import { afterSilence } from "../../service/silence.ts";
import { Caller } from "../../talk/caller.ts";
import type {
  Answer,
  AnswerOptions,
  AskOptions,
  Backend,
  EdgeEvent,
  EdgeReplies,
  EdgeRequest,
  EdgeSettings,
  ImageSource,
  ModelSummary,
  Timing,
} from "../../talk/edge.ts";
import type { OptimizerEvent, OptimizerReplies, OptimizerRequest } from "../../talk/optimizer.ts";
import { orAborted } from "../../talk/within.ts";
import type { PictureState } from "../choice/picture-queue.ts";

export interface SessionListener {
  onModel(model: ModelSummary): void;
  onEdge(event: EdgeEvent): void;
  onOptimizer(event: OptimizerEvent): void;
  /** For the user to read. */
  onProblem(error: EddiError): void;
}

type EdgeCaller = Caller<EdgeRequest, EdgeReplies, EdgeEvent>;
type OptimizerCaller = Caller<OptimizerRequest, OptimizerReplies, OptimizerEvent>;

/** Restarts of a worker that fails for no known reason. */
const RESTARTS = 3;
const REOPEN_MS = 5000;
/** An edge worker that is silent for so long is taken for hung. */
const HUNG_MS = 120_000;

/** The two workers: starts them, joins them, and replaces one that fails. */
export class Session {
  private readonly settings: Omit<EdgeSettings, "avoid">;
  private readonly listener: SessionListener;
  /** What the edge computes on now, and what it hung on before. */
  private backend: Backend | null = null;
  private readonly hung = new Set<Backend>();
  private restarts = 0;
  private optimizer: { readonly worker: Worker; readonly caller: OptimizerCaller };
  private edge!: { readonly worker: Worker; readonly caller: EdgeCaller };
  private opened!: Promise<ModelSummary>;
  private budgetMs: number;
  private framesPerSecond: number | null = null;
  private minAccuracy: number | null = null;
  /** When the edge worker said something last: long downloads say how far they are. */
  private heardMs = Number.NEGATIVE_INFINITY;

  constructor(settings: Omit<EdgeSettings, "avoid">, budgetMs: number, listener: SessionListener) {
    this.settings = settings;
    this.budgetMs = budgetMs;
    this.listener = listener;
    this.optimizer = this.startOptimizer();
    this.startEdge();
  }

  /** Settles when the model is known, or cannot be had. */
  get ready(): Promise<ModelSummary> {
    return this.opened;
  }

  /**
   * Answers an image. A bitmap is transferred; everything else can be sent again, and is, if the worker
   * dies over it.
   */
  async answer(
    image: ImageSource,
    options: AnswerOptions & AskOptions,
    signal?: AbortSignal,
  ): Promise<Answer> {
    try {
      return await this.answerOnce(image, options, signal);
    } catch (thrown) {
      const error = toEddiError(thrown);
      const isRepeatable = !(image instanceof ImageBitmap);
      if (error.code !== "internal" || !isRepeatable || this.restarts >= RESTARTS) throw error;
      return this.answerOnce(image, options, signal);
    }
  }

  async settle(): Promise<void> {
    await this.opened;
    await this.edge.caller.call({ kind: "settle" });
  }

  async time(what: Timing): Promise<number> {
    await this.opened;
    return this.edge.caller.call({ kind: "time", what });
  }

  setBudget(budgetMs: number): void {
    this.budgetMs = budgetMs;
    this.tellOptimizer({ kind: "budget", budgetMs });
  }

  /** @param framesPerSecond that arrive and overlap; null: one image at a time */
  setLoad(framesPerSecond: number | null): void {
    this.framesPerSecond = framesPerSecond;
    this.tellOptimizer({ kind: "load", framesPerSecond });
  }

  /** @param minAccuracy top-1 that is enough, 0..1; null: the best within the budget */
  setMinAccuracy(minAccuracy: number | null): void {
    this.minAccuracy = minAccuracy;
    this.tellOptimizer({ kind: "min-accuracy", minAccuracy });
  }

  /** A picture of the page is loading, which delays replies, or is there. */
  setPicture(state: PictureState): void {
    this.tellOptimizer({ kind: "picture", state });
  }

  setVisible(visible: boolean): void {
    this.tellOptimizer({ kind: "visible", visible });
  }

  private async answerOnce(
    image: ImageSource,
    { onProvisional, ...options }: AnswerOptions & AskOptions,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    await orAborted(this.opened, signal);
    const { edge } = this;
    const transfer = image instanceof ImageBitmap ? [image] : [];
    const endWatch = afterSilence(
      () => this.heardMs,
      HUNG_MS,
      () => this.restartHung(edge.worker),
    );
    try {
      return await edge.caller.call(
        { kind: "answer", image, options },
        { transfer, signal, onProgress: onProvisional },
      );
    } finally {
      endWatch();
    }
  }

  private startOptimizer(): { worker: Worker; caller: OptimizerCaller } {
    const worker = new Worker(new URL("../../optimizer/worker.ts", import.meta.url), { type: "module" });
    const caller: OptimizerCaller = new Caller(worker, (event) => this.listener.onOptimizer(event));
    const fail = ({ message }: { message?: string }): void => {
      const reason = new EddiError(
        "internal",
        `the optimizer worker failed: ${message || "it did not load"}`,
      );
      caller.close(reason);
      worker.terminate();
      if (this.optimizer.worker !== worker) return;
      this.listener.onProblem(reason);
      if (++this.restarts > RESTARTS) return;
      this.optimizer = this.startOptimizer();
      this.edge.caller.call(...this.join("connect")).catch(() => {});
    };
    worker.onerror = (event) => fail(event);
    worker.onmessageerror = () => fail({ message: "a message could not be read" });
    this.optimizer = { worker, caller };
    if (this.settings.key !== null) this.tellOptimizer({ kind: "key", key: this.settings.key });
    this.tellOptimizer({ kind: "budget", budgetMs: this.budgetMs });
    this.tellOptimizer({ kind: "load", framesPerSecond: this.framesPerSecond });
    this.tellOptimizer({ kind: "min-accuracy", minAccuracy: this.minAccuracy });
    return this.optimizer;
  }

  private startEdge(): void {
    const worker = new Worker(new URL("../../edge/worker.ts", import.meta.url), { type: "module" });
    const caller: EdgeCaller = new Caller(worker, (event) => this.onEdge(worker, event));
    worker.onerror = ({ message }) => this.restartEdge(worker, message || "it did not load");
    worker.onmessageerror = () => this.restartEdge(worker, "a message could not be read");
    this.edge = { worker, caller };
    this.opened = caller.call(...this.join("open"));
    this.opened.then(
      (model) => this.listener.onModel(model),
      (thrown: unknown) => {
        const error = toEddiError(thrown);
        this.listener.onProblem(error);
        if (error.code === "unavailable") setTimeout(() => this.reopen(worker), REOPEN_MS);
      },
    );
  }

  /** Tries again where the service could not be reached. */
  private reopen(worker: Worker): void {
    if (this.edge.worker !== worker) return;
    worker.terminate();
    this.edge.caller.close(new EddiError("unavailable", "the model is being fetched again"));
    this.startEdge();
  }

  /** A request that brings the edge worker its end of a new port, while the optimizer gets the other. */
  private join<K extends "open" | "connect">(
    kind: K,
  ): [Extract<EdgeRequest, { kind: K }>, { transfer: Transferable[] }] {
    const { port1, port2 } = new MessageChannel();
    this.tellOptimizer({ kind: "connect", edge: port1 }, [port1]);
    const avoid = [...this.hung];
    const request =
      kind === "open"
        ? { kind, settings: { ...this.settings, avoid }, optimizer: port2 }
        : { kind, optimizer: port2 };
    return [request as Extract<EdgeRequest, { kind: K }>, { transfer: [port2] }];
  }

  private onEdge(worker: Worker, event: EdgeEvent): void {
    if (this.edge.worker !== worker) return;
    this.heardMs = performance.now();
    if (event.kind === "engine") this.backend = event.engine.backend;
    if (event.kind === "lost") this.backend = null;
    this.listener.onEdge(event);
  }

  /** A call into a GPU's driver may never return. WASM's do. */
  private restartHung(worker: Worker): void {
    const { backend } = this;
    if (backend !== null && backend !== "wasm") this.hung.add(backend);
    this.restartEdge(worker, "no answer from the edge worker");
  }

  private restartEdge(worker: Worker, message: string): void {
    if (this.edge.worker !== worker) return;
    const reason = new EddiError("internal", `the edge worker failed: ${message}`);
    this.listener.onProblem(reason);
    worker.terminate();
    this.edge.caller.close(reason);
    if (++this.restarts > RESTARTS) {
      this.opened = Promise.reject(reason);
      this.opened.catch(() => {});
      return;
    }
    this.startEdge();
  }

  private tellOptimizer(request: OptimizerRequest, transfer: Transferable[] = []): void {
    this.optimizer.caller.call(request, { transfer }).catch((thrown: unknown) => {
      console.warn(toEddiError(thrown).message);
    });
  }
}

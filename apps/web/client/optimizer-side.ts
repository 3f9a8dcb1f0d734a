import { EddiError, toEddiError } from "#shared/errors";
import type { PlanningTrace } from "#shared/planning";
import type { ServiceAddress } from "../service/service.ts";
import type {
  DownloadState,
  Imagined,
  Imagining,
  NodeFacts,
  OptimizerEvent,
  OptimizerReplies,
  OptimizerRequest,
  PhaseMap,
  PhaseMapRequest,
} from "../talk/optimizer.ts";
import type { Objectives } from "./options.ts";
import { type StartWorker, WorkerEnd } from "./worker-end.ts";

type OptimizerEnd = WorkerEnd<OptimizerRequest, OptimizerReplies, OptimizerEvent>;

export interface OptimizerSideOptions {
  readonly service: ServiceAddress;
  readonly cloud: ServiceAddress | null;
  readonly objectives: Objectives;
  readonly startWorker: StartWorker;
  readonly onEvent: (event: OptimizerEvent) => void;
  readonly onProblem: (error: EddiError) => void;
  /** Asked when one has failed: whether another is to take its place. */
  readonly mayRestart: () => boolean;
  /** It has: the edge gets a port to the one in its place, or null where there is none. */
  readonly onReplaced: (port: MessagePort | null) => void;
}

/** The optimizer worker: started, told what plans are made for, and replaced when it fails. */
export class OptimizerSide {
  private readonly options: OptimizerSideOptions;
  private objectives: Objectives;
  private isVisible = true;
  /** Null before it is started, and when it has failed too often. */
  private worker: OptimizerEnd | null = null;

  constructor(options: OptimizerSideOptions) {
    this.options = options;
    this.objectives = options.objectives;
  }

  /** @throws EddiError `unavailable` where the browser starts no worker */
  start(): void {
    const { service, cloud, startWorker, onEvent } = this.options;
    const worker: OptimizerEnd = new WorkerEnd({
      kind: "optimizer",
      start: startWorker,
      onEvent,
      onFailed: (reason) => this.replace(worker, reason),
    });
    this.worker = worker;
    this.tell({ kind: "open", service, cloud });
    this.tellObjectives();
    this.setVisible(this.isVisible);
  }

  setObjectives(objectives: Objectives): void {
    this.objectives = objectives;
    this.tellObjectives();
  }

  setVisible(isVisible: boolean): void {
    this.isVisible = isVisible;
    this.tell({ kind: "visible", visible: isVisible });
  }

  /** A download of the app's own. */
  setDownloading(state: DownloadState): void {
    this.tell({ kind: "downloading", state });
  }

  imagine(what: Imagining): Promise<Imagined> {
    return this.ask().call({ kind: "imagine", what });
  }

  phaseMap(what: PhaseMapRequest, signal?: AbortSignal): Promise<PhaseMap> {
    return this.ask().call({ kind: "phase-map", what }, { signal });
  }

  nodes(): Promise<readonly NodeFacts[]> {
    return this.ask().call({ kind: "nodes" });
  }

  trace(): Promise<PlanningTrace> {
    return this.ask().call({ kind: "trace" });
  }

  /** @throws EddiError `unavailable` where there is none */
  private ask(): OptimizerEnd {
    if (this.worker !== null) return this.worker;
    throw new EddiError("unavailable", "expected an optimizer, it has failed");
  }

  /** One end of a new port for the edge, while the optimizer gets the other; null without an optimizer. */
  port(): MessagePort | null {
    if (this.worker === null) return null;
    const { port1, port2 } = new MessageChannel();
    this.tell({ kind: "connect", edge: port1 }, [port1]);
    return port2;
  }

  end(reason: EddiError): void {
    this.worker?.end(reason);
    this.worker = null;
  }

  private tellObjectives(): void {
    const { budgetMs, framesPerSecond, minAccuracy, phoneOnly, earlyExits } = this.objectives;
    this.tell({ kind: "budget", budgetMs });
    this.tell({ kind: "load", framesPerSecond });
    this.tell({ kind: "min-accuracy", minAccuracy });
    this.tell({ kind: "phone-only", phoneOnly });
    this.tell({ kind: "early-exits", earlyExits });
  }

  private tell(request: OptimizerRequest, transfer: Transferable[] = []): void {
    // One that cannot be told has failed, which is told elsewhere.
    this.worker?.call(request, { transfer }).catch(() => {});
  }

  private replace(failed: OptimizerEnd, reason: EddiError): void {
    if (this.worker !== failed) return;
    const { onProblem, mayRestart, onReplaced } = this.options;
    this.end(reason);
    onProblem(reason);
    try {
      if (mayRestart()) this.start();
    } catch (thrown) {
      onProblem(toEddiError(thrown));
    }
    onReplaced(this.port());
  }
}

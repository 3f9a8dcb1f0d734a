import { EddiError } from "#shared/errors";
import type { SimulatedConditions } from "#shared/model";
import type { EdgeEvent, ModelSummary } from "../talk/edge.ts";
import type { OptimizerEvent, PlanSummary } from "../talk/optimizer.ts";
import type { ClientEvents, ClientState } from "./client.ts";
import type { Listeners } from "./listeners.ts";
import type { Objectives } from "./options.ts";
import type { SessionListener } from "./session.ts";

/** All that a client knows: what the workers tell is kept, then told on, so that who listens finds it in the state. */
export class Known implements SessionListener {
  private readonly listeners: Listeners<ClientEvents>;
  private now: Omit<ClientState, "loadedBytes">;

  constructor(listeners: Listeners<ClientEvents>, objectives: Objectives) {
    this.listeners = listeners;
    this.now = { ...NOTHING, ...objectives };
  }

  get state(): ClientState {
    const ready = this.now.shards.filter(({ state }) => state === "ready");
    return { ...this.now, loadedBytes: ready.reduce((sum, { bytes }) => sum + bytes, 0) };
  }

  get objectives(): Objectives {
    const { budgetMs, minAccuracy, framesPerSecond, phoneOnly, earlyExits } = this.now;
    return { budgetMs, minAccuracy, framesPerSecond, phoneOnly, earlyExits };
  }

  setObjectives(objectives: Objectives): void {
    this.tell(objectives, "objectives", objectives);
  }

  setSimulated(simulated: SimulatedConditions | null): void {
    this.tell({ simulated }, "simulated", simulated);
  }

  onModel(model: ModelSummary): void {
    this.tell({ model }, "model", model);
    // An edge worker that took the place of another begins anew.
    if (this.now.drift.length > 0) this.tell({ drift: [] }, "drift", []);
  }

  onEdge(event: EdgeEvent): void {
    switch (event.kind) {
      case "engine":
        this.tell({ engine: event.engine }, "engine", event.engine);
        return;
      case "shards":
        this.tell({ shards: event.shards }, "progress", event.shards);
        return;
      case "profiling":
        this.tell({ profiling: event.profiling }, "profiling", event.profiling);
        return;
      case "drift":
        this.tell({ drift: event.drift }, "drift", event.drift);
        return;
      case "problem":
        this.onProblem(new EddiError(event.code, event.message));
        return;
      case "lost":
        this.tell({ engine: null }, "engine", null);
        this.onProblem(new EddiError("unavailable", `${event.message}; another engine takes its place`));
        return;
      default:
        event satisfies never;
    }
  }

  onOptimizer(event: OptimizerEvent): void {
    switch (event.kind) {
      case "summary":
        this.onSummary(event.summary);
        return;
      case "hold":
        this.listeners.emit("hold", event.isHeld);
        return;
      case "problem":
        this.onProblem(new EddiError(event.code, event.message));
        return;
      default:
        event satisfies never;
    }
  }

  onProblem(error: EddiError): void {
    this.listeners.emit("problem", error);
  }

  private onSummary(summary: PlanSummary): void {
    const { conditions, cloud, measured } = summary;
    const isOther = textOf(summary) !== textOf(this.now.summary);
    this.tell({ summary }, "plan", summary);
    if (isOther) this.listeners.emit("conditions", { conditions, cloud, measured });
  }

  private tell<Name extends keyof ClientEvents>(
    change: Partial<ClientState>,
    name: Name,
    value: ClientEvents[Name],
  ): void {
    this.now = { ...this.now, ...change };
    this.listeners.emit(name, value);
  }
}

const NOTHING = {
  model: null,
  engine: null,
  profiling: { state: "waiting", share: 0, profile: null },
  shards: [],
  drift: [],
  summary: null,
  simulated: null,
} as const;

/** Conditions as text, to be compared. */
function textOf(summary: PlanSummary | null): string {
  return JSON.stringify(summary && [summary.conditions, summary.cloud, summary.measured]);
}

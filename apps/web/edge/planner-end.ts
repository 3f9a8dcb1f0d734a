import { type EddiError, toEddiError } from "#shared/errors";
import type { Measured } from "#shared/learning";
import type { Catalogue, SimulatedConditions } from "#shared/model";
import type { Planning } from "#shared/planning";
import type { Profile } from "#shared/profile";
import { Caller } from "../talk/caller.ts";
import type { PlanningEvent, PlanningReplies, PlanningRequest, PlanWish } from "../talk/planning.ts";
import { within } from "../talk/within.ts";

/** The optimizer may be busy planning; nobody waits longer than this for a plan. */
const PLAN_TIMEOUT_MS = 500;

/** The edge's end of the port to the optimizer. Without an optimizer, or when it fails, plans are null. */
export class PlannerEnd {
  private readonly onPlanning: (planning: Planning) => void;
  private readonly onHold: (isHeld: boolean) => void;
  private caller: Caller<PlanningRequest, PlanningReplies, PlanningEvent> | null = null;
  private latest: Planning | null = null;
  private fits = false;
  /** What a cloud has that is no service of ours: that is so whoever plans. */
  private served: Catalogue | null = null;
  /** What a new optimizer must be told first, by kind. */
  private readonly told = new Map<PlanningRequest["kind"], PlanningRequest>();

  /** @param onHold told that downloads are to wait for a probe, and that they may go on */
  constructor(onPlanning: (planning: Planning) => void, onHold: (isHeld: boolean) => void) {
    this.onPlanning = onPlanning;
    this.onHold = onHold;
  }

  /** Whether the service is there, as the optimizer has it. */
  get cloudUp(): boolean {
    return this.latest?.cloudUp === true;
  }

  /** Whether the service decodes codecs that were fitted to tensors, as the optimizer has it. */
  get mayFit(): boolean {
    return this.fits;
  }

  /** What a cloud has that is no service of ours; null before it has told, and of a service. */
  get catalogue(): Catalogue | null {
    return this.served;
  }

  /** Starts with a port to a fresh optimizer worker; null: there is none any more. */
  connect(port: MessagePort | null, reason: EddiError): void {
    this.caller?.close(reason);
    this.latest = null;
    this.fits = false;
    this.onHold(false);
    if (port === null) {
      this.caller = null;
      return;
    }
    this.caller = new Caller(port, (event) => {
      if (event.kind === "planned") this.take(event.planning);
      else if (event.kind === "service") {
        this.fits = event.mayFit;
        this.served = event.catalogue ?? this.served;
      } else this.onHold(event.isHeld);
    });
    port.start();
    for (const request of this.told.values()) this.tell(request);
  }

  /** The plan for a wish: the latest one if it is for that, else asked for. */
  async planFor({ budgetMs, minAccuracy, phoneOnly = false }: PlanWish): Promise<Planning | null> {
    const { latest, caller } = this;
    const isLatest =
      latest?.budgetMs === budgetMs &&
      (minAccuracy === undefined || latest.minAccuracy === minAccuracy) &&
      !(phoneOnly && latest.cloudUp);
    if (isLatest || caller === null) return latest;
    const wish = {
      budgetMs,
      ...(minAccuracy === undefined ? {} : { minAccuracy }),
      ...(phoneOnly ? { phoneOnly } : {}),
    };
    try {
      return await within(PLAN_TIMEOUT_MS, "optimizer", caller.call({ kind: "plan", wish }));
    } catch {
      return this.latest;
    }
  }

  model(request: Extract<PlanningRequest, { kind: "model" }>): void {
    this.remember(request);
  }

  /** An engine that replaces another has not been measured. */
  engine(request: Extract<PlanningRequest, { kind: "engine" }>): void {
    this.told.delete("profiled");
    this.remember(request);
  }

  profiled(profile: Profile): void {
    this.remember({ kind: "profiled", profile });
  }

  ready(nodes: ReadonlySet<string>): void {
    this.remember({ kind: "ready", nodes: [...nodes] });
  }

  downloading(isOn: boolean): void {
    this.remember({ kind: "downloading", isOn });
  }

  arrived(): void {
    this.tell({ kind: "arrived" });
  }

  started(): void {
    this.tell({ kind: "started" });
  }

  finished(): void {
    this.tell({ kind: "finished" });
  }

  measured(measured: Measured): void {
    this.tell({ kind: "measured", measured });
  }

  simulate(conditions: SimulatedConditions | null): void {
    this.remember({ kind: "simulate", conditions });
  }

  async settle(): Promise<void> {
    if (this.caller === null) return;
    this.take(await this.caller.call({ kind: "settle" }));
  }

  private remember(request: PlanningRequest): void {
    this.told.set(request.kind, request);
    this.tell(request);
  }

  private tell(request: PlanningRequest): void {
    this.caller?.call(request).catch((thrown: unknown) => {
      console.warn(`optimizer, ${request.kind}: ${toEddiError(thrown).message}`);
    });
  }

  private take(planning: Planning): void {
    this.latest = planning;
    this.onPlanning(planning);
  }
}

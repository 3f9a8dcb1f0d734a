import {
  CloudWatch,
  type ImageTimes,
  imageTimes,
  learn,
  type Measured,
  relax,
  withImage,
} from "#shared/learning";
import type { Conditions, Plan } from "#shared/model";
import { conditionsOf, type NetworkState, type Observation, observe, startNetwork } from "#shared/network";
import type { PlanChoice, Planner, PlanRequest } from "#shared/planning";
import type { Senses } from "#shared/policies";
import type { World } from "../world/world.ts";
import { Prober } from "./prober.ts";
import { budgetOf, type Scenario } from "./scenario.ts";

/** How often it is asked whether what is known has become old. */
const TICK_MS = 500;

export interface ClientOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly planner: Planner;
  /** What it measures: what the policy has no use for it does not. */
  readonly senses: Senses;
  /** Probes as others do, which keeps radio and connection awake, but has no need to learn from it. */
  readonly isOracle: boolean;
  /** Plans anew after every observation, as the page does; else for each photo. */
  readonly isEager: boolean;
}

/** What the optimizer's worker is to a page, in simulated time: knows the conditions, and plans for them. */
export class Client {
  private readonly options: ClientOptions;
  private readonly cloud = new CloudWatch();
  private readonly prober: Prober | null;
  private readonly readyNodes: ReadonlySet<string>;
  /** Null for an oracle. */
  private network: NetworkState | null;
  private latestImages: readonly number[] = [];
  private choice: PlanChoice | null = null;
  /** Images under way. */
  private busy = 0;
  private isOver = false;

  constructor(options: ClientOptions) {
    const { scenario, world, senses, isOracle } = options;
    this.options = options;
    // A lattice of 70,000 cells, for nothing.
    this.network = isOracle ? null : startNetwork(scenario.guess);
    this.readyNodes = new Set(scenario.model.dag.names);
    this.prober =
      senses !== "network"
        ? null
        : new Prober({
            world,
            cloud: this.cloud,
            conditions: () => this.conditions,
            isSending: () => this.busy > 0 && !this.isAllEdge,
            onProbed: (taught) => this.probed(taught),
          });
    if (senses === "network") this.keepTicking();
  }

  get conditions(): Conditions {
    return this.network === null ? this.options.scenario.guess : conditionsOf(this.network);
  }

  get image(): ImageTimes {
    return imageTimes(this.latestImages);
  }

  /** What is known and wanted now. */
  get request(): PlanRequest {
    const { scenario, world } = this.options;
    const { objective, framesPerSecond } = scenario;
    const budgetMs = budgetOf(scenario);
    return {
      conditions: framesPerSecond === null ? this.conditions : { ...this.conditions, restarts: 0 },
      budgetMs: Number.isFinite(budgetMs) ? budgetMs : NO_BUDGET_MS,
      minAccuracy: objective.kind === "accuracy" ? null : objective.minAccuracy,
      framesPerSecond,
      image: this.image,
      readyNodes: this.readyNodes,
      cloudUp: this.cloud.isUp(world.clock.now),
      previous: this.choice?.plan ?? null,
    };
  }

  /** The plan that stands, for an image that begins now. */
  planNow(): PlanChoice {
    return this.options.isEager && this.choice !== null ? this.choice : this.replan();
  }

  /** An image was taken up. */
  started(): void {
    this.busy += 1;
    if (!this.isAllEdge) this.prober?.makeWay();
  }

  /** An image is finished with, well or badly. */
  finished(measured: Measured | null): void {
    this.busy -= 1;
    if (measured !== null) this.learnAnswer(measured);
    this.prober?.answered();
  }

  /** Probes rest while nobody looks. */
  setVisible(visible: boolean): void {
    this.prober?.setVisible(visible);
  }

  /** The last photo is finished with. */
  stop(): void {
    this.isOver = true;
    this.prober?.stop();
  }

  private learnAnswer(measured: Measured): void {
    const { senses, scenario, world } = this.options;
    const { now } = world.clock;
    this.latestImages = withImage(this.latestImages, measured.imageMs);
    if (senses === "nothing" || this.network === null) return;
    const heard = senses === "network" ? measured : { ...measured, cloud: null };
    this.network = learn(this.network, scenario.costs, heard, now);
    if (heard.cloud?.kind === "lost") {
      this.cloud.failed(heard.cloud.retryAfterMs, now);
      if (this.cloud.state(now) === "down") this.prober?.forget();
    }
    if (heard.cloud?.kind === "answered") {
      this.cloud.answered();
      this.prober?.transferred(heard.cloud.requestBytes);
    }
    this.maybeReplan();
  }

  private probed(taught: readonly Observation[]): void {
    if (this.network === null) return;
    this.network = taught.reduce(observe, this.network);
    if (this.cloud.state(this.options.world.clock.now) === "down") this.prober?.forget();
    this.maybeReplan();
  }

  private get isAllEdge(): boolean {
    const plan = this.choice?.plan ?? null;
    return plan !== null && isAllEdge(this.options.scenario, plan);
  }

  private replan(): PlanChoice {
    this.choice = this.options.planner.plan(this.request);
    return this.choice;
  }

  private maybeReplan(): void {
    if (this.options.isEager) this.replan();
  }

  private keepTicking(): void {
    if (this.isOver || this.network === null) return;
    const { clock } = this.options.world;
    const relaxed = relax(this.network, clock.now);
    const isOld = relaxed !== this.network;
    this.network = relaxed;
    if (this.cloud.refusalEnded(clock.now) || isOld) this.maybeReplan();
    clock.at(clock.now + TICK_MS, () => this.keepTicking());
  }
}

/** What the page asks for where the user has asked for no budget. */
const NO_BUDGET_MS = 1000;

function isAllEdge({ costs }: Scenario, { exit, head }: Plan): boolean {
  return costs.find((one) => one.exit === exit)!.dag.names.length === head.length;
}

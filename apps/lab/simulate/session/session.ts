import { EddiError } from "#shared/errors";
import type { ExitCosts } from "#shared/evaluator";
import { inParts, type Plan, splitPlan } from "#shared/model";
import { type CostedModel, finishParts, type Planner, planningFor } from "#shared/planning";
import { World } from "../world/world.ts";
import { Answering, TRANSPORT } from "./answering.ts";
import { Client } from "./client.ts";
import { type Demands, demandsOf } from "./demands.ts";
import type { Host } from "./host.ts";
import { NO_TIME, type Outcome } from "./outcome.ts";
import { isOracle, type Oracle, type PhotoNow, type Pilot, type Planned } from "./pilot.ts";
import type { Scenario } from "./scenario.ts";
import { Truth } from "./truth.ts";

/** As the live camera: frames under way; one that comes when so many are is dropped. */
const FRAMES_UNDER_WAY = 6;
/** A phone's screen goes dark, and is lit again before the next photo is there. */
const DARK_AFTER_MS = 30_000;
const LIGHT_BEFORE_MS = 3000;

/** One client and its photos under one policy, from the page's opening to the last answer. */
export class Session implements Host {
  readonly scenario: Scenario;
  readonly world: World;
  readonly client: Client;
  readonly truth: Truth;
  private readonly pilot: Pilot;
  private readonly oracle: Oracle | null;
  private readonly costed: CostedModel;
  private readonly demands = new Map<string, Demands>();
  private readonly outcomes: Outcome[] = [];
  private underWay = 0;

  constructor(given: Scenario, pilot: Pilot) {
    const scenario = pilot.scenarioOf?.(given) ?? given;
    this.scenario = scenario;
    this.pilot = pilot;
    this.world = new World(scenario.world, scenario.seed);
    this.truth = new Truth(scenario.verdicts);
    this.costed = { costs: scenario.costs, policies: scenario.model.metadata.policies ?? [] };
    const planner = pilot.start(scenario);
    this.oracle = isOracle(planner) ? planner : null;
    this.client = new Client({
      scenario,
      world: this.world,
      planner: isOracle(planner) ? NO_PLANNER : planner,
      senses: pilot.senses,
      isOracle: isOracle(planner),
      isEager: pilot.isEager,
    });
  }

  /** Plays it to the end. @returns what became of every photo, in the order in which they came */
  run(): readonly Outcome[] {
    const { clock } = this.world;
    const { arrivals } = this.scenario;
    for (const [answer, atMs] of arrivals.entries()) {
      const nextMs = arrivals[answer + 1] ?? atMs;
      clock.at(atMs, () => this.take(answer));
      if (nextMs - atMs < DARK_AFTER_MS + LIGHT_BEFORE_MS) continue;
      clock.at(atMs + DARK_AFTER_MS, () => this.client.setVisible(false));
      clock.at(nextMs - LIGHT_BEFORE_MS, () => this.client.setVisible(true));
    }
    clock.run();
    return this.outcomes.sort((a, b) => a.answer - b.answer);
  }

  get now(): number {
    return this.world.clock.now;
  }

  /** @throws EddiError `bad-plan`, naming the policy, for a plan that is none of the model */
  planFor(photo: PhotoNow): Planned {
    const { oracle, pilot } = this;
    if (oracle !== null) {
      return { ...NOTHING_EXPECTED, plan: oracle.foretell(this.world, photo) };
    }
    const choice = this.client.planNow();
    if (choice.plan === null) throw new EddiError("bad-plan", `${pilot.name}: expected a plan, got none`);
    this.check(choice.plan);
    const decided: Planner = { plan: () => choice };
    const { plan, prediction, finish, soonest, patienceMs } = planningFor(
      this.costed,
      decided,
      this.client.request,
    );
    const { sdMs, latency } = prediction!;
    return {
      plan: plan!,
      // Who measures nothing foretells nothing.
      foretold: pilot.senses === "nothing" ? null : prediction,
      expected: pilot.isInsured ? { remoteMs: latency.totalMs - latency.edgeMs, sdMs } : null,
      soonest,
      patienceMs,
      finish: pilot.isInsured ? finish : [],
    };
  }

  /** When answers are due, as the page has it. */
  get budgetMs(): number {
    return this.client.request.budgetMs;
  }

  demandsOf(plan: Plan): Demands {
    const key = JSON.stringify(plan);
    const known = this.demands.get(key) ?? demandsOf(this.scenario.truth, plan, TRANSPORT);
    this.demands.set(key, known);
    return known;
  }

  /**
   * By the profile: to an exit, on the edge, in the page's parts, each a call of its own.
   *
   * @param ran what has run before
   */
  finishParts(ran: ReadonlySet<string>, exit: string): readonly number[] {
    const costs = this.exitCosts(exit);
    const left = costs.edgeMs.filter((_, node) => !ran.has(costs.dag.names[node]!));
    const sum = (parts: readonly number[]): number => parts.reduce((all, ms) => all + ms, 0);
    const count = finishParts(this.client.conditions.edgeScale * (costs.edgeFixedMs + sum(left)));
    return inParts(left, count, (ms) => ms).map((part) => costs.edgeFixedMs + sum(part));
  }

  /** The nodes that have run when an early exit of a plan has answered. */
  ranUntil({ asks }: Demands, exit: string): ReadonlySet<string> {
    const until = asks.findIndex((ask) => ask.exit === exit);
    return this.nodesOf(asks.slice(0, until + 1).map((ask) => ask.exit));
  }

  /** All that these exits need. */
  nodesOf(exits: readonly string[]): ReadonlySet<string> {
    return new Set(exits.flatMap((exit) => this.exitCosts(exit).dag.names));
  }

  record(outcome: Outcome): void {
    this.outcomes.push(outcome);
    this.underWay -= 1;
    if (this.outcomes.length === this.scenario.arrivals.length) this.client.stop();
  }

  private take(answer: number): void {
    this.underWay += 1;
    const isTooMany = this.scenario.framesPerSecond !== null && this.underWay > FRAMES_UNDER_WAY;
    if (isTooMany) this.record(droppedFrame(answer, this.scenario.photos[answer]!, this.now));
    else new Answering(this, answer);
  }

  private check(plan: Plan): void {
    if (this.demands.has(JSON.stringify(plan))) return;
    try {
      splitPlan(this.scenario.model, plan);
    } catch (thrown) {
      const cause = thrown as Error;
      throw new EddiError("bad-plan", `${this.pilot.name}: ${cause.message}`, { cause });
    }
  }

  private exitCosts(exit: string): ExitCosts {
    return this.scenario.truth.find((costs) => costs.exit === exit)!;
  }
}

const NOTHING_EXPECTED = {
  foretold: null,
  expected: null,
  soonest: null,
  patienceMs: 0,
  finish: [],
} as const;

/** An oracle plans by itself. */
const NO_PLANNER: Planner = { plan: () => ({ plan: null, wanted: null }) };

function droppedFrame(answer: number, photo: number, atMs: number): Outcome {
  return {
    answer,
    photo,
    atMs,
    exit: null,
    by: "dropped",
    plannedExit: null,
    cut: [],
    codec: null,
    isInner: false,
    predictedMs: null,
    predictedP95Ms: null,
    wayMs: null,
    ms: null,
    stages: NO_TIME,
    right: false,
    inTime: false,
    twice: false,
    edgeMs: 0,
    sentBytes: 0,
  };
}

import { codecsOf, type ExitCosts, hasCodecs, type Latency, latencyOf, lossOver } from "#shared/evaluator";
import type { Conditions, ExitPolicy, Plan } from "#shared/model";
import { Chance, type Lead, NO_LEAD } from "./chance.ts";
import type { Constraints } from "./constraints.ts";
import type { Decision, LoadMode, Spot } from "./decision.ts";
import { Hysteresis } from "./hysteresis.ts";
import { periodMs } from "./least-period.ts";
import type { Choice, Objective } from "./optimize.ts";
import { listOptions, type Option } from "./options.ts";
import { Search } from "./search.ts";

/** What stays the same while images come and go. */
export interface LiveProblem {
  /** Of every exit of the model, any order; of every wire mode that there is to choose from. */
  readonly costs: readonly ExitCosts[];
  /** Ways to let sure exits answer early; without them none does. */
  readonly policies?: readonly ExitPolicy[];
  readonly constraints?: Constraints;
}

/** What is asked each time. */
export interface LiveRequest {
  /** Their spread counts. */
  readonly conditions: Conditions;
  /** The budget of `accuracy` holds with probability `CONFIDENCE`. */
  readonly objective: Objective;
  readonly lead?: Lead;
  /** Heavy load: frames arrive this often and their stages overlap. Absent: one image at a time. */
  readonly framesPerSecond?: number;
  /** The previous plan is left when so many decisions in a row want to; 1, at once, if not given. */
  readonly patience?: number;
}

/** A decision in words that can be sent. */
export interface LiveChoice extends Choice {
  /** Of an image that no early exit answers. */
  readonly latency: Latency;
  /** By early exit: of an image that it answers. All of it is spent on the edge. */
  readonly earlyMs: readonly number[];
  readonly expectedMs: number;
  readonly probability: number;
  readonly mode: LoadMode;
  /** The exit that stands in when the reply is late. */
  readonly insurance?: NonNullable<Plan["insurance"]>;
}

/**
 * Plans anew for every image: a scan of the envelopes of all options (`search.ts`), which stays with the previous
 * plan unless another is really better (`hysteresis.ts`). Its envelopes take their time; many users may share them,
 * each with a hysteresis of its own.
 */
export class LivePlanner {
  /** Best rank first. */
  readonly options: readonly Option[];
  private readonly chance = new Chance();
  private readonly search: Search;
  private readonly own = new Hysteresis();

  constructor({ costs, policies = [], constraints = {} }: LiveProblem) {
    this.options = listOptions(costs, policies, constraints);
    this.search = new Search(this.options, this.chance);
  }

  /** Where a plan stands here: null when it is no option, or its head is not efficient any more. */
  find(plan: Plan): Spot | null {
    const early = JSON.stringify(plan.early ?? []);
    const members = new Set(plan.head);
    // All-edge, and cuts that travel alike, stand in several wire modes: the most is promised by the best of them.
    let found: Spot | null = null;
    for (const [option, { costs, early: own, envelope, promised }] of this.options.entries()) {
      if (costs.exit !== plan.exit || JSON.stringify(own) !== early) continue;
      if (!hasCodecs(costs, plan.codecs ?? {})) continue;
      const { names } = costs.dag;
      const head = envelope.heads.findIndex((member) =>
        names.every((name, node) => members.has(name) === (member[node] === 1)),
      );
      const isBetter = found === null || (this.options[found.option]!.promised ?? 0) < (promised ?? 0);
      if (head >= 0 && isBetter) found = { option, head };
    }
    return found;
  }

  /**
   * Decides for the next image.
   *
   * @param previous   what was decided last, by `find` or as it was returned: kept unless another is really better
   * @param hysteresis of whoever asks; this planner's own, if not given
   * @returns null when the constraints leave no plan; else an object of this planner's own, which the next call
   *   overwrites
   */
  decide(request: LiveRequest, previous: Spot | null = null, hysteresis = this.own): Decision | null {
    if (this.options.length === 0) return null;
    const { objective, framesPerSecond, patience = 1 } = request;
    const { search } = this;
    const { found } = search;
    // The caller may pass the very object that is written next.
    const before = previous === null ? null : { option: previous.option, head: previous.head };
    this.read(request);
    search.run(objective, Infinity);
    const limitMs = framesPerSecond === undefined ? Infinity : 1000 / framesPerSecond;
    const keepsUp = found.periodMs <= limitMs;
    if (!keepsUp && !search.run(objective, limitMs)) {
      search.runForPeriod(objective);
      found.mode = "overload";
      return found;
    }
    // Under load the previous plan has to keep up too.
    if (before !== null) hysteresis.settle(this.options, search, before, objective, limitMs, patience);
    found.mode = keepsUp ? "latency" : "throughput";
    return found;
  }

  /**
   * The most frames a second that any plan sustains under these conditions, with the accuracy that the
   * objective asks for; `accuracy` asks for none. What was decided before is overwritten.
   */
  sustainableFps(request: LiveRequest): number {
    if (this.options.length === 0) return 0;
    this.read(request);
    this.search.runForPeriod(request.objective);
    return 1000 / this.search.found.periodMs;
  }

  /** A decision's plan, spelt out. */
  describe(decision: Decision, { conditions, lead = NO_LEAD }: LiveRequest): LiveChoice {
    const { option: at, head: index, expectedMs, probability, feasible, periodMs: period, mode } = decision;
    const { costs, early, answerMs, envelope, accuracy, extraMs, rest, insurers } = this.options[at]!;
    const insurer = insurers[decision.insurer];
    const { names, successors } = costs.dag;
    const member = envelope.heads[index]!;
    const head = Array.from(member, Boolean);
    const plain = latencyOf(costs, head, conditions);
    const askedMs = conditions.edgeScale * extraMs;
    const crosses = (node: number): boolean =>
      head[node]! && successors[node]!.some((reader) => !head[reader]);
    const cut = names.filter((_, node) => crosses(node));
    const codecs = codecsOf(costs, cut);
    // What is counted hard images may bear alone, so all of it.
    const share = costs.wire?.counted === undefined ? rest : 1;
    return {
      exit: costs.exit,
      head: names.filter((_, node) => head[node]),
      ...(early.length === 0 ? {} : { early }),
      ...(codecs === undefined ? {} : { codecs }),
      ...(insurer === undefined ? {} : { insurance: { exit: insurer.exit } }),
      cut,
      latency: { ...plain, edgeMs: plain.edgeMs + askedMs, totalMs: plain.totalMs + askedMs },
      earlyMs: Array.from(answerMs, (ms) => conditions.edgeScale * ms),
      periodMs: early.length === 0 ? periodMs({ ...plain, edgeMs: lead.ms + plain.edgeMs }) : period,
      accuracy: accuracy === null ? null : accuracy - share * lossOver(costs, crosses),
      expectedMs,
      probability,
      feasible,
      mode,
    };
  }

  private read({ conditions, objective, lead = NO_LEAD }: LiveRequest): void {
    this.chance.read(conditions, objective.kind === "accuracy" ? objective.budgetMs : Infinity, lead);
  }
}

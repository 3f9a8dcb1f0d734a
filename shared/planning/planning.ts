import type { Latency } from "#shared/evaluator";
import type { EarlyExit, Plan } from "#shared/model";
import type { LoadMode } from "#shared/optimizer";

/** The plan for the next image, and all that is expected of it. */
export interface Planning {
  readonly budgetMs: number;
  /** Top-1 that is enough, 0..1; null: the best within the budget. */
  readonly minAccuracy: number | null;
  /** Null when nothing can be run: no weights yet and no cloud. */
  readonly plan: Plan | null;
  readonly prediction: Prediction | null;
  /** The ways that an image of this plan may take to its answer; the plan's own is among them. */
  readonly ways: readonly Way[];
  /** The plan there would be if all weights were there: they are to be fetched. */
  readonly wanted: Plan | null;
  /** By exit, earliest first: how long it takes to finish there on the edge once the plan's head has run. */
  readonly finish: readonly Finish[];
  /**
   * How the edge would make an answer that is as good as the plan's, where the fastest one of an accuracy is wanted; null
   * elsewhere.
   */
  readonly soonest: Soonest | null;
  /**
   * So long after the request an edge whose engine lets no reply in begins with that. 0 where nothing is sent, or the best by a budget is wanted.
   */
  readonly patienceMs: number;
  /** Null unless frames arrive faster than one after the other. */
  readonly load: LoadReport | null;
  /** Whether the service is there, as far as is known. */
  readonly cloudUp: boolean;
  /** Whether a service that is busy may answer at an earlier exit: not where an accuracy is asked for. */
  readonly mayAnswerEarlier: boolean;
}

/** How plans keep up with frames that arrive at a given rate, their stages overlapping. */
export interface LoadReport {
  readonly framesPerSecond: number;
  readonly mode: LoadMode;
  /** What this plan sustains. */
  readonly planFps: number;
  /** The most that any plan sustains now. */
  readonly sustainableFps: number;
}

export interface Finish {
  readonly exit: string;
  readonly finishMs: number;
  /** It takes no longer with probability `INSURANCE`: it has to start so long before the budget. */
  readonly latestMs: number;
}

/**
 * How the edge, by itself, makes an answer that is as good as the reply: from what a plan's head has left, from one exit to
 * the next until one is sure enough.
 */
export interface Soonest {
  /** Where it ends at the latest: the last stage's. */
  readonly exit: string;
  /** Each begins where the one before has ended; the last one answers however sure it is. */
  readonly stages: readonly SoonestStage[];
}

export interface SoonestStage extends EarlyExit {
  /** From the stage before. */
  readonly ms: number;
  /** Of the parts that an engine takes it in which sees replies between them only; together `ms`. */
  readonly partsMs: readonly number[];
  /** Of the images that the plan's early exits pass on: those that it answers. */
  readonly share: number;
}

/** How long an answer is expected to take. */
export interface Forecast {
  readonly latency: Latency;
  /** Decoding and scaling the image, which comes on top of the latency. */
  readonly imageMs: number;
  /** Both together. */
  readonly totalMs: number;
  readonly sdMs: number;
  /** In 95 % of the cases it takes no longer. */
  readonly p95Ms: number;
}

/** One way to an answer: an early exit that is sure, the plan's exit, or an earlier one that a busy service takes. */
export interface Way {
  readonly exit: string;
  readonly by: "edge" | "cloud";
  readonly forecast: Forecast;
}

/** Of an image that no early exit answers, and of the plan as a whole. */
export interface Prediction extends Forecast {
  /** On average, the images that early exits answer included. */
  readonly expectedMs: number;
  /** Top-1 that the plan promises, 0..1; null when its exits were not measured. */
  readonly accuracy: number | null;
  /** Of keeping the budget, by the plan or its insurance, 0..1. */
  readonly probability: number;
  readonly feasible: boolean;
}

import { EddiError } from "#shared/errors";
import type { Objective } from "#shared/optimizer";
import { numberFrom } from "../../terminal/numbers.ts";
import type { Task } from "./build-scenario.ts";

/** The options that say what is asked of a session. */
export interface TaskOptions {
  readonly budget: string | undefined;
  readonly minAccuracy: string | undefined;
  readonly fps: string | undefined;
  readonly answers: number;
  readonly every: string;
}

/** What frames under load are due by where nobody says it: the page's own default. */
const LOAD_BUDGET_MS = 1000;

/** @throws EddiError `bad-argument` naming the option: none of the wishes, two that exclude each other, no number */
export function readTask(options: TaskOptions): Task {
  const framesPerSecond = options.fps === undefined ? null : numberFrom("--fps", options.fps, 0.01, 10_000);
  const objective = objectiveOf(options, framesPerSecond);
  const everyMs =
    framesPerSecond === null ? numberFrom("--every", options.every, 1, 1e7) : 1000 / framesPerSecond;
  return {
    objective,
    framesPerSecond,
    pauses: Array.from({ length: options.answers }, (_, at) => at * everyMs),
  };
}

function objectiveOf({ budget, minAccuracy }: TaskOptions, framesPerSecond: number | null): Objective {
  const wish = readWish(budget, minAccuracy);
  if (wish === "floor")
    throw new EddiError("bad-argument", '--min-accuracy: expected "floor" only with --population');
  if (wish !== null) return wish;
  if (framesPerSecond !== null) return { kind: "accuracy", budgetMs: LOAD_BUDGET_MS };
  throw new EddiError("bad-argument", "expected --budget, --min-accuracy or --fps, got none");
}

/**
 * What is asked of answers; null where nothing is said.
 *
 * @returns `floor` for each user's own accuracy
 * @throws EddiError `bad-argument` naming the option
 */
export function readWish(
  budget: string | undefined,
  minAccuracy: string | undefined,
): Objective | "floor" | null {
  if (budget !== undefined && minAccuracy !== undefined) {
    throw new EddiError("bad-argument", "expected --budget or --min-accuracy, got both");
  }
  if (budget !== undefined) return { kind: "accuracy", budgetMs: numberFrom("--budget", budget, 1, 1e6) };
  if (minAccuracy === undefined) return null;
  if (minAccuracy === "floor") return "floor";
  return { kind: "latency", minAccuracy: numberFrom("--min-accuracy", minAccuracy, 0, 1) };
}

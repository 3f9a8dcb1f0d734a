import type { Exit } from "#shared/model";
import { percent } from "../evaluate/accuracy-card.ts";
import type { ExitResult } from "../evaluate/evaluate-exits.ts";
import type { ExitScores } from "../evaluate/exit-scores.ts";
import { calibrationError, verdictsOf } from "../evaluate/temperature.ts";

/** By exit: how far its confidence is from how often it is right. */
export function calibrationErrors(exits: readonly Exit[], scores: ExitScores): readonly number[] {
  return exits.map(({ temperature = 1 }, exit) => calibrationError(verdictsOf(scores, exit, temperature)));
}

/** A line for each exit. */
export function exitTable(exits: readonly ExitResult[], errors: readonly number[]): string {
  const rows = exits.map(({ exit, correct, photos, accuracy, low, high }, at) => {
    const interval = `${percent(low)} to ${percent(high)}`;
    const right = `(${correct} of ${photos}; 95 %: ${interval})`;
    return `${exit.padEnd(8)} ${percent(accuracy)}  ${right}  calibration error ${percent(errors[at]!)}`;
  });
  return ["exit     top-1", ...rows].join("\n");
}

import type { Exit } from "#shared/model";
import { gainText, percent } from "../evaluate/accuracy-card.ts";
import type { ExitResult, HalvedResult } from "../evaluate/evaluate-exits.ts";
import type { ExitScores } from "../evaluate/exit-scores.ts";
import { calibrationError, verdictsOf } from "../evaluate/temperature.ts";

/** By exit: how far its confidence is from how often it is right. */
export function calibrationErrors(exits: readonly Exit[], scores: ExitScores): readonly number[] {
  return exits.map(({ temperature = 1 }, exit) => calibrationError(verdictsOf(scores, exit, temperature)));
}

/** A line for each exit. */
export function exitTable(exits: readonly ExitResult[], errors: readonly number[]): string {
  return ["exit     top-1", ...exits.map((exit, at) => exitLine(exit, errors[at]!))].join("\n");
}

/** A line for each exit: what is reported of it, beside the other half of the photos and all. */
export function halvedTable(exits: readonly HalvedResult[], errors: readonly number[]): string {
  const rows = exits.map(({ reported, chosen, all, gain }, at) => {
    const others = `chosen on ${percent(chosen.accuracy)}, all ${percent(all.accuracy)}`;
    const over = gain === null ? "" : `; over the one before ${gainText(gain)}`;
    return `${exitLine(reported, errors[at]!)}\n         ${others}${over}`;
  });
  const [{ reported, chosen }] = exits as [HalvedResult];
  const head = `exit     top-1, reported on ${reported.photos} validation photos; policies and codecs are chosen on ${chosen.photos} others`;
  return [head, ...rows].join("\n");
}

function exitLine({ exit, correct, photos, accuracy, low, high }: ExitResult, error: number): string {
  const interval = `${percent(low)} to ${percent(high)}`;
  const right = `(${correct} of ${photos}; 95 %: ${interval})`;
  return `${exit.padEnd(8)} ${percent(accuracy)}  ${right}  calibration error ${percent(error)}`;
}

import type { Model } from "#shared/model";
import { type ExitScores, scoreHalves } from "./exit-scores.ts";
import { findPolicies, measurePolicies, type TriedPolicy } from "./policies.ts";
import { calibrationError, fitTemperature, verdictsOf } from "./temperature.ts";

/** Title of the card's section. */
export const CONFIDENCE_SECTION = "Confidence";

export interface Calibration {
  readonly photos: { readonly heldBack: number; readonly chosenOn: number; readonly reportedOn: number };
  /** Earliest first. */
  readonly exits: readonly CalibratedExit[];
  /** As measured on the photos to report on. */
  readonly policies: readonly TriedPolicy[];
}

export interface CalibratedExit {
  readonly exit: string;
  readonly temperature: number;
  readonly heldBackError: CalibrationErrors;
  readonly reportedError: CalibrationErrors;
}

/** Expected calibration errors at temperature 1 and at the one fitted, 0..1. */
export interface CalibrationErrors {
  readonly before: number;
  readonly after: number;
}

/**
 * Fits temperatures on held-back photos, finds policies on one half of the validation photos, then measures both on
 * the other.
 *
 * @param isReported by validation photo
 */
export function calibrate(
  model: Model,
  heldBack: ExitScores,
  validation: ExitScores,
  isReported: readonly boolean[],
): Calibration {
  const { chosenOn, reportedOn } = scoreHalves(validation, isReported);
  const exits = model.metadata.exits.map(({ id }, exit): CalibratedExit => {
    // Rounded, so that the file says what was measured.
    const temperature = Number(fitTemperature(heldBack, exit).toFixed(4));
    const errors = (scores: ExitScores): CalibrationErrors => ({
      before: calibrationError(verdictsOf(scores, exit, 1)),
      after: calibrationError(verdictsOf(scores, exit, temperature)),
    });
    return {
      exit: id,
      temperature,
      heldBackError: errors(heldBack),
      reportedError: errors(reportedOn),
    };
  });
  const verdicts = (scores: ExitScores) =>
    exits.map(({ temperature }, exit) => verdictsOf(scores, exit, temperature));
  const found = findPolicies(model, verdicts(chosenOn));
  const [held, chosen, reported] = [heldBack, chosenOn, reportedOn].map(({ labels }) => labels.length);
  return {
    photos: { heldBack: held!, chosenOn: chosen!, reportedOn: reported! },
    exits,
    policies: measurePolicies(model, verdicts(reportedOn), found),
  };
}

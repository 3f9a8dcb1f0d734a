import type { Model } from "#shared/model";
import type { ExitScores } from "./exit-scores.ts";
import { findPolicies, measurePolicies, type TriedPolicy } from "./policies.ts";
import { calibrationError, fitTemperature, verdictsOf } from "./temperature.ts";

export interface Calibration {
  readonly photos: { readonly heldBack: number; readonly validation: number };
  /** Earliest first. */
  readonly exits: readonly CalibratedExit[];
  /** As measured on the validation photos. */
  readonly policies: readonly TriedPolicy[];
}

export interface CalibratedExit {
  readonly exit: string;
  readonly temperature: number;
  readonly heldBackError: CalibrationErrors;
  readonly validationError: CalibrationErrors;
}

/** Expected calibration errors at temperature 1 and at the one fitted, 0..1. */
export interface CalibrationErrors {
  readonly before: number;
  readonly after: number;
}

/** Fits temperatures and finds policies on held-back photos, then measures both on validation photos. */
export function calibrate(model: Model, heldBack: ExitScores, validation: ExitScores): Calibration {
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
      validationError: errors(validation),
    };
  });
  const verdicts = (scores: ExitScores) =>
    exits.map(({ temperature }, exit) => verdictsOf(scores, exit, temperature));
  const found = findPolicies(model, verdicts(heldBack));
  return {
    photos: { heldBack: heldBack.labels.length, validation: validation.labels.length },
    exits,
    policies: measurePolicies(model, verdicts(validation), found),
  };
}

import type { OutputKind } from "#shared/model";

/** Probabilities sum to 1 within this, on engines of half precision too. */
const SUM_TOLERANCE = 0.01;

/**
 * Why values cannot be what an engine was to compute: one whose device is gone gives zeros or anything else, without
 * a word.
 *
 * @param kind what they are, of an exit's scores; null of other tensors
 * @returns what was expected and what came; null where nothing speaks against them
 */
export function faultOf(values: Float32Array, kind: OutputKind | null): string | null {
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) return `expected finite values, got ${wrong}`;
  if (kind !== "softmax" && kind !== "sigmoid") return null;
  const least = values.reduce((a, b) => Math.min(a, b), 0);
  if (least < -SUM_TOLERANCE) return `expected probabilities, got ${least}`;
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  if (kind === "sigmoid") return most <= 1 + SUM_TOLERANCE ? null : `expected probabilities, got ${most}`;
  const sum = values.reduce((a, b) => a + b, 0);
  return Math.abs(sum - 1) <= SUM_TOLERANCE
    ? null
    : `expected scores that sum to 1, got ${sum.toPrecision(3)}`;
}

/** Whether all values are one and the same: possible, but what memory that nobody wrote looks like. */
export function isConstant(values: Float32Array): boolean {
  return values.length > 1 && values.every((value) => value === values[0]);
}

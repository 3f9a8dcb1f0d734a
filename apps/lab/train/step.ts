import type { Photos } from "../data/photos.ts";

/** One batch of a training run. */
export interface Step {
  readonly photos: Photos;
  readonly picked: Uint32Array;
  /** From 0. */
  readonly epoch: number;
  /** From 0, within the epoch, which has so many. */
  readonly step: number;
  readonly steps: number;
}

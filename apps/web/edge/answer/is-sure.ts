import type { EarlyExit } from "#shared/model";
import type { Job } from "./job.ts";

/** Enters how sure an early exit is, and tells its answer where that is not enough. Confidence that is no number is none. */
export function isSure(job: Job, { exit, threshold }: EarlyExit, scores: Float32Array): boolean {
  const sure = job.kit.drift.confidenceOf({ exit, scores });
  const isNumber = !Number.isNaN(sure);
  job.asked.push({ exit, threshold, scores, confidence: isNumber ? sure : 0 });
  if (isNumber && sure >= threshold) return true;
  job.tell({ exit, scores }, "early exit");
  return false;
}

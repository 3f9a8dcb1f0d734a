import type { ImageCodecName } from "#shared/codecs";
import type { ExitCosts } from "#shared/evaluator";
import type { Model, WireCodec } from "#shared/model";
import type { CostedModel, PlannerName } from "#shared/planning";
import type { FoundProfile, FoundTail } from "./profiles.ts";

/** Relative, of an edge's times about its own profile. */
export const PROFILED_SPREAD = 0.1;

/** Before there is a model. */
export const NOTHING_COSTED: CostedModel = { costs: [], policies: [] };

/** The model, and what its nodes cost. */
export interface Costed {
  readonly model: Model;
  /** Of all tensors; null for what was measured to be best. */
  readonly codec: WireCodec | null;
  /** Those that the browser can write. */
  readonly imageCodecs: readonly ImageCodecName[];
  readonly planner: PlannerName;
  readonly head: FoundProfile;
  /** What `head` was before this device had measured itself. */
  readonly base: FoundProfile;
  readonly tail: FoundTail;
  readonly costs: readonly ExitCosts[];
}

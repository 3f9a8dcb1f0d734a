import type { ErrorCode } from "#shared/errors";
import type { Segment } from "#shared/model";
import type { Parameters, WireTensor } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";
import type { EngineChoice, EngineInfo, PrecisionChoice } from "../../engines/index.ts";
import type { ModelFiles } from "../models/registry.ts";
import type { BatchLine } from "../tails/tail-times.ts";

/** What a worker is started with. */
export interface TailSetup {
  /** Module that the worker runs. */
  readonly entry: string;
  readonly engine: EngineChoice;
  readonly precision: PrecisionChoice;
  readonly models: readonly ModelFiles[];
  /** Images in the largest batch that it will get. */
  readonly maxBatch: number;
}

/** One request's part of a batch. */
export interface BatchItem {
  /** In the order of `segment.feeds`. */
  readonly tensors: readonly WireTensor[];
  readonly parameters: Parameters;
}

export interface TailRequest {
  readonly kind: "run";
  readonly id: number;
  /** As `modelKey` makes it. */
  readonly model: string;
  /** Names the segment from now on; see `SegmentNames`. */
  readonly segmentName: string;
  /** Null when the worker has been told of it. */
  readonly segment: Segment | null;
  readonly items: readonly BatchItem[];
}

/** What became of one item: its outputs, in the order of `segment.outputs`, or why there are none. */
export type ItemResult =
  | { readonly outputs: readonly TensorValues[] }
  | { readonly code: ErrorCode; readonly message: string };

/** What warming a model told. */
export interface Warmed {
  /** As `modelKey` makes it. */
  readonly model: string;
  /** Of the whole model. */
  readonly line: BatchLine;
  readonly nodes: number;
}

export type TailReply =
  | {
      readonly kind: "started";
      readonly engine: EngineInfo;
      readonly warmed: readonly Warmed[];
      /** Models that this engine cannot run, as `modelKey` makes it. */
      readonly refused: readonly { readonly model: string; readonly reason: string }[];
    }
  | {
      readonly kind: "ran";
      readonly id: number;
      /** In the order of the items. */
      readonly results: readonly ItemResult[];
      readonly computeMs: number;
      /** Something slower ran it than will run the next ones: see `LoadedModel`. */
      readonly isStandIn: boolean;
    }
  /** For the log. */
  | { readonly kind: "trouble"; readonly message: string };

/** The last word of a worker that is a process; of a thread, its `error` event tells. */
export interface Crashed {
  readonly kind: "crashed";
  readonly reason: string;
}

import type { ErrorCode } from "#shared/errors";
import type { Segment } from "#shared/model";
import type { Parameters, WireTensor } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";
import type { EngineChoice } from "../config.ts";
import type { ModelFiles } from "../models/registry.ts";

/** What a worker is started with. */
export interface TailSetup {
  /** Module that the worker runs. */
  readonly entry: string;
  readonly engine: EngineChoice;
  readonly models: readonly ModelFiles[];
}

/** What runs the operations: TensorFlow or WebAssembly. */
export interface Engine {
  readonly name: "native" | "wasm";
  readonly device: "cpu" | "gpu";
}

export interface TailRequest {
  readonly kind: "run";
  readonly id: number;
  readonly modelId: string;
  readonly segment: Segment;
  /** In the order of `segment.feeds`. */
  readonly tensors: readonly WireTensor[];
  readonly parameters: Parameters;
}

export type TailReply =
  | {
      readonly kind: "started";
      readonly engine: Engine;
      /** Models that this engine cannot run. */
      readonly refused: readonly { readonly id: string; readonly reason: string }[];
    }
  | {
      readonly kind: "ran";
      readonly id: number;
      readonly outputs: readonly TensorValues[];
      readonly computeMs: number;
    }
  | { readonly kind: "failed"; readonly id: number; readonly code: ErrorCode; readonly message: string };

import type { Model, Segment, Shard } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import type { PrecisionChoice } from "./precision.ts";

/** Something that runs operations in Node. What all of these keep is `engines.test.ts`. */
export interface Engine {
  /** The npm package that it needs. */
  readonly needs: string;
  /** As profiles call it: engines of one backend take like times. */
  readonly backend: string;
  /** Whether it makes a backend of TF.js the active one, which the lab can time node by node. */
  readonly isTfjs: boolean;
  /** Whether it may compute on a GPU. */
  readonly mayUseGpu: boolean;
  /**
   * Opens it for this thread, once. Loads nothing before: whoever reads the table need not have the package.
   *
   * @throws Error saying what it lacks here
   */
  readonly open: (how: OpenOptions) => Promise<Running>;
}

export interface OpenOptions {
  /** By name; one of several that are tried in turn refuses what another does better. */
  readonly isChosen: boolean;
  /** Heeded where an engine has it: all others compute in float32. */
  readonly precision: PrecisionChoice;
  /** Of the sessions that it keeps open, if it has any; what suits a worker of the service if absent. */
  readonly sessionBytes?: number;
}

/** An engine that runs. */
export interface Running {
  readonly device: "cpu" | "gpu";
  /** What it computes on, as people call it. */
  readonly deviceName: string;
  /**
   * Opens a model, without weights.
   *
   * @param tell what the service's log should say of it later
   */
  readonly load: (model: Model, tell?: (message: string) => void) => LoadedModel;
}

/** A model of which any segment can be run, once the weights of its nodes are there. */
export interface LoadedModel {
  /** @throws EddiError `bad-weights` when the bytes are not the shard's */
  addShard(shard: Shard, bytes: Uint8Array): void;
  /**
   * @param feeds one for each of `segment.feeds`, in that order; float32, batch axis first
   * @returns one for each of `segment.outputs`
   * @throws EddiError `bad-weights` when weights are missing
   */
  runValues(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]>;
  /**
   * Resolves when what ran so far would run as fast as it ever will: engines may still be opening in the background what
   * they ran in another way. Absent where nothing is.
   */
  opened?(): Promise<void>;
  /**
   * Whether something slower would run a segment now, because what will is still being opened. Absent where nothing is.
   */
  isStandIn?(segment: Segment): boolean;
  /** Frees all that it holds. */
  dispose(): void;
}

import type { TensorInfo } from "./metadata.ts";

export interface ModelNode {
  readonly name: string;
  /** TensorFlow's name of the operation. */
  readonly op: string;
  readonly tensor: TensorInfo;
  /** Names of the nodes and constants that it reads, in the order that the operation wants. */
  readonly inputs: readonly string[];
  /** Names of the constants among them. */
  readonly weights: readonly string[];
  /** TensorFlow's attributes in JSON, by name, as they stand in the file. */
  readonly attr: Readonly<Record<string, unknown>>;
}

/** A part of a model that runs in one place: from fed tensors to asked tensors. */
export interface Segment {
  /** What it computes, in topological order; empty when everything asked is fed. */
  readonly nodes: readonly string[];
  readonly feeds: readonly string[];
  readonly outputs: readonly string[];
}

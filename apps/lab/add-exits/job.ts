import type { Photos } from "../data/photos.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import type { Limits } from "./know-limits.ts";
import type { Outside } from "./outside.ts";

export interface AddExitsJob {
  readonly folder: string;
  /** Nodes to attach exits to; null leaves the choice to us. */
  readonly at: readonly string[] | null;
  readonly train: Photos;
  /** Agreement is measured on these, and thresholds are chosen on half of them. */
  readonly others: Photos;
  /** What the exits are not trained on, and should not answer. */
  readonly outside: readonly Outside[];
  /** Of early answers, at most so many may differ from the model's, 0..1. */
  readonly risk: number;
  /** What these are, for the card. */
  readonly measuredOn: string;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly status: StatusLine;
}

export interface AddedExits extends Limits {
  /** By added exit, the node that it is attached to. */
  readonly at: readonly string[];
}

import type { NamedTensorMap, Scalar } from "@tensorflow/tfjs";
import type { Step } from "./step.ts";
import type { NamedVariable } from "./weights.ts";

/** What is trained along with a network, from the same batches. */
export interface Companion {
  /** Averaged as the network's weights are, and kept with the best of them. */
  readonly trained: readonly NamedVariable[];
  /** What else a checkpoint must hold. */
  readonly state: readonly NamedVariable[];
  /**
   * Runs the network for a step.
   *
   * @returns what is added to the loss
   */
  run(step: Step, network: () => void): Scalar;
  /** @param gradients of the loss, by the variables' own names */
  step(gradients: NamedTensorMap, step: Step): void;
  /** Has the network answer as it does with the companion, for as long as something is done. */
  within<T>(use: () => T): T;
  /** What it has come to, in words. */
  summary(): string;
}

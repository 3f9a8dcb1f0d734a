import type { Rank, Scalar } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import type { NamedVariable } from "../train/weights.ts";

const FIRST = 0.05;
/** Of the rate's weight in the loss, for a thousand bytes. */
const [LEAST, MOST] = [0.002, 5];
/** How far a step moves it at most. */
const STEERING = 0.01;

/** The weight of the rate in the loss of a codec. */
export interface RateWeight {
  /** A scalar, as it must stand in a checkpoint. */
  readonly weight: NamedVariable;
  /** Moves it towards what makes an image take so many bytes. */
  steer(bytes: number, goal: number): void;
}

export function openRateWeight(tf: Tf, name: string): RateWeight {
  const variable = tf.variable<Rank.R0>(tf.scalar(FIRST), false);
  const steer: RateWeight["steer"] = (bytes, goal) => {
    const far = STEERING * Math.max(-1, Math.min(1, 3 * Math.log(bytes / goal)));
    tf.tidy(() => variable.assign(tf.clipByValue<Scalar>(variable.mul(Math.exp(far)), LEAST, MOST)));
  };
  return { weight: { name, variable }, steer };
}

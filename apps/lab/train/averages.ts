import type { Tf } from "../engine/native.ts";
import type { NamedVariable } from "./weights.ts";

/** Averages of the weights over the latest steps, which answer better than the weights of any one step. */
export interface Averages {
  /** In the order of the variables, as they must stand in a checkpoint. */
  readonly state: readonly NamedVariable[];
  /** @param step from 0, over all epochs */
  follow(step: number): void;
}

/** Steps from one update to the next: as good, and cheaper. */
const EVERY = 8;

/**
 * Exponential moving averages (Polyak averaging), moving statistics of the normalisations included. The first
 * steps count less: an average keeps no trace of where training began.
 *
 * @param kept share that is left after a step, 0..1
 */
export function makeAverages(tf: Tf, variables: readonly NamedVariable[], kept: number): Averages {
  const state = variables.map(({ name, variable }) => ({
    name: `average/${name}`,
    variable: tf.variable(variable, false),
  }));
  const follow = (step: number): void => {
    if (step % EVERY !== 0) return;
    const left = Math.min(kept ** EVERY, (1 + step) / (10 * EVERY + step));
    tf.tidy(() => {
      for (const [at, { variable }] of variables.entries()) {
        const average = state[at]!.variable;
        average.assign(average.add(variable.sub(average).mul(1 - left)));
      }
    });
  };
  return { state, follow };
}

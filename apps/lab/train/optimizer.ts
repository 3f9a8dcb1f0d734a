import type { NamedTensorMap, Tensor, Variable } from "@tensorflow/tfjs";
import type { Tf } from "./native.ts";
import type { Recipe } from "./recipe.ts";
import type { NamedVariable } from "./weights.ts";

export interface Optimizer {
  /** One buffer per trainable weight, as it must stand in a checkpoint. */
  readonly state: readonly NamedVariable[];
  /** @param gradients by the variables' own names, as `tf.variableGrads` gives them */
  step(gradients: NamedTensorMap, rate: number): void;
}

/** Stochastic gradient descent with Nesterov momentum; weight decay on kernels only. */
export function makeOptimizer(tf: Tf, trainable: readonly NamedVariable[], recipe: Recipe): Optimizer {
  const slots = trainable.map(({ name, variable }) => ({
    weight: variable,
    velocity: { name: `momentum/${name}`, variable: tf.variable(tf.zerosLike(variable), false) },
    decay: name.endsWith("/kernel") ? recipe.weightDecay : 0,
  }));
  const update = (weight: Variable, velocity: Variable, gradient: Tensor, decay: number, rate: number) => {
    const slope = decay > 0 ? gradient.add(weight.mul(decay)) : gradient;
    velocity.assign(velocity.mul(recipe.momentum).add(slope));
    weight.assign(weight.sub(slope.add(velocity.mul(recipe.momentum)).mul(rate)));
  };
  return {
    state: slots.map(({ velocity }) => velocity),
    step(gradients, rate) {
      tf.tidy(() => {
        for (const { weight, velocity, decay } of slots) {
          update(weight, velocity.variable, gradients[weight.name] as Tensor, decay, rate);
        }
      });
    },
  };
}

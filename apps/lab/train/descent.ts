import type { NamedTensorMap, Tensor, Tensor2D, Variable } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import { learningShare, type Recipe } from "./architectures/recipe.ts";
import { lengthOf, orthogonal } from "./muon.ts";
import type { NamedVariable } from "./weights.ts";

export interface Descent {
  /** One buffer per trainable weight, as it must stand in a checkpoint. */
  readonly state: readonly NamedVariable[];
  /**
   * @param gradients by the variables' own names, as `tf.variableGrads` gives them
   * @param progress epochs done, fractional
   */
  step(gradients: NamedTensorMap, progress: number): void;
}

/** Changes a weight and its velocity. @param share of the peak rate, 0..1 */
type Rule = (weight: Variable, velocity: Variable, gradient: Tensor, share: number) => void;

/**
 * Stochastic gradient descent with Nesterov momentum, weight decay on kernels only; where the recipe says how far
 * Muon turns, Muon for the kernels of convolutions.
 */
export function makeDescent(tf: Tf, trainable: readonly NamedVariable[], recipe: Recipe): Descent {
  const rules = {
    norm: descent(recipe, 0),
    kernel: descent(recipe, recipe.weightDecay),
    muon: muon(tf, recipe),
  };
  const slots = trainable.map(({ name, variable }) => ({
    weight: variable,
    velocity: { name: `momentum/${name}`, variable: tf.variable(tf.zerosLike(variable), false) },
    rule: rules[ruleFor(name, variable, recipe)],
  }));
  return {
    state: slots.map(({ velocity }) => velocity),
    step(gradients, progress) {
      const share = learningShare(recipe, progress);
      for (const { weight, velocity, rule } of slots) {
        tf.tidy(() => rule(weight, velocity.variable, gradients[weight.name]!, share));
      }
    },
  };
}

/** Depthwise kernels, whose last dimension is 1, are no matrices. */
function ruleFor(name: string, { shape }: Variable, { turn }: Recipe): "norm" | "kernel" | "muon" {
  if (!name.endsWith("/kernel")) return "norm";
  return turn > 0 && shape.length === 4 && shape[3]! > 1 ? "muon" : "kernel";
}

function descent({ momentum, rate }: Recipe, decay: number): Rule {
  return (weight, velocity, gradient, share) => {
    const slope = decay > 0 ? gradient.add(weight.mul(decay)) : gradient;
    velocity.assign(velocity.mul(momentum).add(slope));
    weight.assign(weight.sub(slope.add(velocity.mul(momentum)).mul(rate * share)));
  };
}

/**
 * Muon (Jordan et al. 2024): the step, seen as a matrix [height * width * in, out], is made orthogonal, so that no
 * direction is left behind. A normalisation follows each of these kernels, so that their length means nothing: it is
 * kept, at 1 per filter on average, and a step's length is the share of it that the recipe says.
 */
function muon(tf: Tf, { momentum, turn }: Recipe): Rule {
  return (weight, velocity, gradient, share) => {
    velocity.assign(velocity.mul(momentum).add(gradient));
    const columns = weight.shape[3]!;
    const rows = weight.size / columns;
    const slope = gradient.add(velocity.mul(momentum)).reshape<Tensor2D>([rows, columns]);
    const length = Math.sqrt(columns);
    const far = (share * turn * length) / Math.sqrt(Math.min(rows, columns));
    const next = weight.sub(orthogonal(tf, slope).reshape(weight.shape).mul(far));
    weight.assign(next.mul(tf.scalar(length).div(lengthOf(next))));
  };
}

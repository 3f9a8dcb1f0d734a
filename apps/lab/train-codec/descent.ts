import type { NamedTensorMap, Tensor, Tensor2D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import { lengthOf, orthogonal } from "../train/muon.ts";
import type { NamedVariable } from "../train/weights.ts";

const MOMENTUM = 0.95;
/** Adam's. */
const [BETA1, BETA2, EPSILON] = [0.9, 0.99, 1e-8];

export interface CodecDescent {
  /** As it must stand in a checkpoint. */
  readonly state: readonly NamedVariable[];
  /**
   * @param gradients by the variables' own names
   * @param step      from 0
   * @param share     of the peak rate, 0..1
   */
  step(gradients: NamedTensorMap, step: number, share: number): void;
}

export interface Rates {
  /** Of Adam, at its peak. */
  readonly rate: number;
  /** How far Muon turns a kernel, as a share of its first length. */
  readonly turn: number;
}

/**
 * Muon (Jordan et al. 2024) for kernels, Adam for biases and the prior. No normalisation follows the kernels, so their
 * lengths are left free: a step is a share of the length that they began with.
 */
export function makeCodecDescent(
  tf: Tf,
  trained: readonly NamedVariable[],
  lengths: ReadonlyMap<string, number>,
  { rate, turn }: Rates,
): CodecDescent {
  const slots = trained.map(({ name, variable }) => {
    const zeros = tf.zerosLike(variable);
    const first = { name: `first/${name}`, variable: tf.variable(zeros, false) };
    const isKernel = lengths.has(name);
    const second = isKernel ? null : { name: `second/${name}`, variable: tf.variable(zeros, false) };
    zeros.dispose();
    return { name, variable, first, second };
  });
  return {
    state: slots.flatMap(({ first, second }) => (second === null ? [first] : [first, second])),
    step: (gradients, step, share) =>
      tf.tidy(() => {
        for (const { name, variable, first, second } of slots) {
          const gradient = gradients[variable.name] as Tensor;
          if (second === null) {
            first.variable.assign(first.variable.mul(MOMENTUM).add(gradient));
            const columns = variable.shape[3]!;
            const slope = gradient.add(first.variable.mul(MOMENTUM)).reshape<Tensor2D>([-1, columns]);
            const direction = orthogonal(tf, slope);
            const far = tf.scalar(share * turn * lengths.get(name)!).div(lengthOf(direction).add(1e-9));
            variable.assign(variable.sub(direction.mul(far).reshape(variable.shape)));
            continue;
          }
          first.variable.assign(first.variable.mul(BETA1).add(gradient.mul(1 - BETA1)));
          second.variable.assign(second.variable.mul(BETA2).add(gradient.square().mul(1 - BETA2)));
          const mean = first.variable.div(1 - BETA1 ** (step + 1));
          const spread = second.variable.div(1 - BETA2 ** (step + 1)).sqrt();
          variable.assign(variable.sub(mean.mul(rate * share).div(spread.add(EPSILON))));
        }
      }),
  };
}

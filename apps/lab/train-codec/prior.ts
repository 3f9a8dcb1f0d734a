import type { Tensor1D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import type { NamedVariable } from "../train/weights.ts";

/** The logistic distribution of each latent channel, which is trained along: see `meanBits`. */
export interface Prior {
  readonly variables: readonly NamedVariable[];
  readonly middle: Tensor1D;
  readonly width: Tensor1D;
}

/** @param prefix of the variables' names in a checkpoint */
export function openPrior(tf: Tf, channels: number, prefix: string): Prior {
  const [middle, width] = ["middle", "width"].map((name) => {
    const zeros = tf.zeros([channels]);
    const variable = tf.variable(zeros, true);
    zeros.dispose();
    return { name: `${prefix}prior/${name}`, variable };
  }) as [NamedVariable, NamedVariable];
  const values = ({ variable }: NamedVariable): Tensor1D => variable as unknown as Tensor1D;
  return { variables: [middle, width], middle: values(middle), width: values(width) };
}

import type { Scalar, Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";

/** Of a channel's number: the least chance that the prior gives it, so that none takes bits without end. */
const LEAST_CHANCE = 1e-7;

/**
 * Bits that a number of a latent tensor takes, in the mean, by a logistic distribution of each channel.
 *
 * @param latents float32 [..., channels], with noise in place of rounding
 * @param middle  of each channel's distribution
 * @param width   logarithm of its scale
 */
export function meanBits(tf: Tf, latents: Tensor, middle: Tensor1D, width: Tensor1D): Scalar {
  const narrow = tf.exp(tf.neg(width));
  const off = latents.sub(middle);
  const chance = tf.sigmoid(off.add(0.5).mul(narrow)).sub(tf.sigmoid(off.sub(0.5).mul(narrow)));
  return tf
    .neg(tf.log(chance.add(LEAST_CHANCE)))
    .mean()
    .div(Math.LN2) as Scalar;
}

/**
 * How far what is heard is from what was said: Kullback and Leibler's divergence of the softmax of both, mean over the batch.
 *
 * @param said, heard logits, float32 [batch, classes]
 */
export function divergence(tf: Tf, said: Tensor2D, heard: Tensor2D): Scalar {
  const [own, other] = [tf.logSoftmax(said), tf.logSoftmax(heard)];
  return tf.exp(own).mul(own.sub(other)).sum(1).mean() as Scalar;
}

/** Whole numbers; to the gradient it is the identity (straight-through, arXiv:1308.3432). */
export function roundThrough<T extends Tensor>(tf: Tf, x: T): T {
  const op = tf.customGrad((...args) => {
    const [given] = args as unknown as [Tensor];
    return { value: tf.round(given), gradFunc: (dy: Tensor) => dy };
  });
  return op(x) as T;
}

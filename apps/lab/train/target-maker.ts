import type { Tensor, Tensor2D } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import type { Teaching } from "./architectures/recipe.ts";

/**
 * What each exit should answer.
 *
 * @param wanted   probabilities by the labels, float32 [batch, classes]
 * @param logits   of every exit, float32 [batch, classes]; no gradient flows back into the teacher's
 * @returns probabilities by exit, float32 [batch, classes]
 */
type TargetMaker = (wanted: Tensor2D, logits: readonly Tensor2D[], teaching: Teaching) => readonly Tensor2D[];

/** @param weights of the exits, in what they say together */
export function targetMaker(tf: Tf, weights: readonly number[]): TargetMaker {
  const constant = tf.customGrad((...args) => {
    const [x] = args as unknown as [Tensor];
    return { value: x.clone(), gradFunc: (dy: Tensor) => tf.zerosLike(dy) };
  });
  const answer = (logits: Tensor2D): Tensor2D => tf.softmax(constant(logits) as Tensor2D);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return (wanted, logits, { teacher, share }) => {
    if (share === 0) return logits.map(() => wanted);
    const said =
      teacher === "last"
        ? answer(logits.at(-1)!)
        : (tf.addN(logits.map((one, exit) => answer(one).mul(weights[exit]! / total))) as Tensor2D);
    const target = wanted.mul(1 - share).add<Tensor2D>(said.mul(share));
    return logits.map((_, exit) => (teacher === "last" && exit === logits.length - 1 ? wanted : target));
  };
}

import type { Scalar, Tensor2D } from "@tensorflow/tfjs";
import type { Photos } from "../data/pixels.ts";
import { type Architecture, buildNetwork, type Network } from "./architectures/index.ts";
import { targets, trainBatch } from "./batches.ts";
import type { Tf } from "./native.ts";
import { useNativeReluGradient } from "./native-ops.ts";
import { makeOptimizer } from "./optimizer.ts";
import type { Recipe, Views } from "./recipe.ts";
import { modelVariables, type NamedValues, readValues, writeValues } from "./weights.ts";

/** One batch of a training run. */
export interface Step {
  readonly photos: Photos;
  readonly picked: Uint32Array;
  readonly views: Views;
  readonly epoch: number;
  readonly rate: number;
}

/** A network with the optimiser that trains it. */
export interface Session {
  readonly network: Network;
  /** @returns the joint loss of the batch, before the step */
  train(step: Step): number;
  /** Weights and optimiser state, as a checkpoint keeps them. */
  read(): NamedValues[];
  /** @throws EddiError `bad-weights` when they are those of another network */
  write(saved: readonly NamedValues[]): void;
}

/**
 * Trains all exits together by the joint loss of BranchyNet (arXiv:1709.01686): the weighted sum of
 * each exit's softmax cross entropy.
 */
export function openSession(tf: Tf, architecture: Architecture, recipe: Recipe): Session {
  useNativeReluGradient(tf);
  const network = buildNetwork(tf, architecture, recipe.seed, null);
  const variables = modelVariables(network.model);
  const trainable = new Set(network.model.trainableWeights.map((weight) => weight.read()));
  const optimizer = makeOptimizer(
    tf,
    variables.filter(({ variable }) => trainable.has(variable)),
    recipe,
  );
  const kept = [...variables, ...optimizer.state];

  const train = ({ photos, picked, views, epoch, rate }: Step): number =>
    tf.tidy(() => {
      const { images, labels } = trainBatch(tf, photos, picked, views, { seed: recipe.seed, epoch });
      const wanted = targets(tf, labels, architecture.classes, recipe.smoothing);
      const { value, grads } = tf.variableGrads(() => {
        const outputs = [network.model.apply(images, { training: true })].flat() as Tensor2D[];
        const losses = outputs.map((logits, exit) =>
          tf.losses.softmaxCrossEntropy(wanted, logits).mul(architecture.exitWeights[exit] as number),
        );
        return tf.addN(losses) as Scalar;
      });
      optimizer.step(grads, rate);
      return value.dataSync()[0] as number;
    });

  return {
    network,
    train,
    read: () => readValues(kept),
    write: (saved) => writeValues(tf, kept, saved),
  };
}

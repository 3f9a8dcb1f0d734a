import type { Scalar, Tensor, Tensor2D } from "@tensorflow/tfjs";
import { randomFor } from "#shared/random";
import type { Tf } from "../engine/native.ts";
import { useNativeReluGradient } from "../engine/native-ops.ts";
import { narrow } from "./architectures/bfloat16.ts";
import { type Architecture, buildNetwork, type Network } from "./architectures/index.ts";
import { mixingOf, type Recipe, teachingOf, viewsOf } from "./architectures/recipe.ts";
import { makeAverages } from "./averages.ts";
import { targets, trainBatch } from "./batches.ts";
import type { Companion } from "./companion.ts";
import { makeDescent } from "./descent.ts";
import { mixed } from "./mix.ts";
import type { Step } from "./step.ts";
import { targetMaker } from "./target-maker.ts";
import { modelVariables, type NamedValues, readValues, writeValues } from "./weights.ts";

/** A network with the optimiser that trains it. */
export interface Learner {
  readonly network: Network;
  readonly companion: Companion | null;
  /** @returns the joint loss of the batch, before the step */
  train(step: Step): number;
  /** Does something with the averaged weights in place of the latest; what it does to the weights is undone. */
  withAverages<T>(use: () => T): T;
  /** Weights, their averages and the optimiser's state, as a checkpoint keeps them. */
  read(): NamedValues[];
  /** The weights alone, as they are now. */
  readWeights(): NamedValues[];
  /** @throws EddiError `bad-weights` when they are those of another network */
  write(saved: readonly NamedValues[]): void;
}

/**
 * Trains all exits together by the joint loss of BranchyNet (arXiv:1709.01686): the weighted sum of each exit's
 * softmax cross entropy. Part of what an earlier exit should say is what the last one says (self-distillation,
 * arXiv:1905.08094), or of what every exit should say what all say together.
 *
 * @param companionOf what is trained along
 */
export function openLearner(
  tf: Tf,
  architecture: Architecture,
  recipe: Recipe,
  companionOf: ((network: Network) => Companion) | null = null,
): Learner {
  useNativeReluGradient(tf);
  const sizes = new Set(recipe.phases.map(({ size }) => size));
  const network = buildNetwork(tf, architecture, recipe.seed, sizes.size === 1 ? architecture.size : null);
  const own = modelVariables(network.model);
  const trainable = new Set(network.model.trainableWeights.map((weight) => weight.read()));
  const optimizer = makeDescent(
    tf,
    own.filter(({ variable }) => trainable.has(variable)),
    recipe,
  );
  const companion = companionOf?.(network) ?? null;
  const variables = [...own, ...(companion?.trained ?? [])];
  const averages = makeAverages(tf, variables, recipe.averaging);
  const kept = [...variables, ...averages.state, ...optimizer.state, ...(companion?.state ?? [])];
  const targetsOf = targetMaker(tf, architecture.exitWeights);

  const examples = ({ photos, picked, epoch, step }: Step) => {
    const { seed, smoothing } = recipe;
    const { images, labels } = trainBatch(tf, photos, picked, viewsOf(recipe, epoch), { seed, epoch });
    const plain = { images, wanted: targets(tf, labels, architecture.classes, smoothing) };
    const random = randomFor(seed, 4, epoch, step);
    return random() < mixingOf(recipe, epoch) ? mixed(tf, plain, random) : plain;
  };

  const train = (step: Step): number =>
    tf.tidy(() => {
      const { images, wanted } = examples(step);
      const { value, grads } = tf.variableGrads(() => {
        const seen = recipe.precision === "bfloat16" ? narrow(tf, images) : images;
        let outputs: Tensor2D[] = [];
        const run = (): void => {
          outputs = [network.model.apply(seen, { training: true })].flat() as Tensor2D[];
        };
        const added: Scalar[] = [];
        if (companion === null) run();
        else added.push(companion.run(step, run));
        const exitTargets = targetsOf(wanted, outputs, teachingOf(recipe, step.epoch));
        const losses = outputs.map((logits, exit) =>
          tf.losses
            .softmaxCrossEntropy(exitTargets[exit]!, logits)
            .mul(architecture.exitWeights[exit] as number),
        );
        return tf.addN([...losses, ...added]) as Scalar;
      });
      const done = step.epoch + step.step / step.steps;
      optimizer.step(grads, done);
      companion?.step(grads, step);
      averages.follow(step.epoch * step.steps + step.step);
      return value.dataSync()[0] as number;
    });

  const withAverages = <T>(use: () => T): T => {
    const latest = variables.map(({ variable }) => tf.clone(variable) as Tensor);
    try {
      for (const [at, { variable }] of variables.entries()) variable.assign(averages.state[at]!.variable);
      return use();
    } finally {
      for (const [at, { variable }] of variables.entries()) variable.assign(latest[at]!);
      tf.dispose(latest);
    }
  };

  return {
    network,
    companion,
    train,
    withAverages,
    read: () => readValues(kept),
    readWeights: () => readValues(variables),
    write: (saved) => writeValues(tf, kept, saved),
  };
}

import type { Scalar, Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { softmax } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { outputKind, type Segment } from "#shared/model";
import { randomFor, shuffled } from "#shared/random";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import { useNativeReluGradient } from "../engine/native-ops.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { BASE_RECIPE } from "../train/architectures/recipe.ts";
import { trainBatch } from "../train/batches.ts";
import { makeDescent } from "../train/descent.ts";
import { inputOf } from "../train/input-of.ts";
import { paceText } from "../train/progress.ts";
import { modelVariables } from "../train/weights.ts";
import type { Branch } from "./branch.ts";

export interface Distillation {
  readonly segments: SegmentModel;
  readonly branches: readonly Branch[];
  /** Their labels do not matter. */
  readonly photos: Photos;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  readonly status: StatusLine;
}

/** Least area of a random crop, 0..1 of the photo. */
const LEAST_CROP = 0.5;
const RATE = 0.04;
const WEIGHT_DECAY = 1e-4;

/**
 * Trains branches to say what the model's last exit says of the same views of the photos: cross entropy with its
 * probabilities (knowledge distillation, arXiv:1503.02531). The backbone is frozen and needs no labels.
 *
 * @returns the mean loss of the last epoch, over batches and branches
 * @throws EddiError `bad-argument` with fewer photos than a batch, `internal` when the loss diverges
 */
export async function distil(tf: Tf, job: Distillation): Promise<number> {
  const { branches, photos, epochs, batch, seed, status } = job;
  useNativeReluGradient(tf);
  const steps = Math.floor(photos.count / batch);
  if (steps === 0) {
    throw new EddiError("bad-argument", `expected at least ${batch} photos, a batch, got ${photos.count}`);
  }
  const recipe = { ...BASE_RECIPE, phases: [], epochs, batch, seed, rate: RATE, weightDecay: WEIGHT_DECAY };
  const trainable = branches.flatMap(({ model }) => {
    const learnt = new Set(model.trainableWeights.map((weight) => weight.read()));
    return modelVariables(model).filter(({ variable }) => learnt.has(variable));
  });
  const optimizer = makeDescent(tf, trainable, recipe);
  const weights = trainable.map(({ variable }) => variable);
  let mean = Number.NaN;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = shuffled(photos.count, randomFor(seed, 0, epoch));
    const startedMs = performance.now();
    let sum = 0;
    for (let step = 0; step < steps; step++) {
      const picked = order.subarray(step * batch, (step + 1) * batch);
      const loss = tf.tidy(() => {
        const images = viewsFor(tf, job, picked, epoch);
        const [wanted, ...features] = teach(job, images);
        const { value, grads } = tf.variableGrads(() => {
          const losses = branches.map(({ model }, at) => {
            const logits = model.apply(features[at]!, { training: true }) as Tensor2D;
            return tf.losses.softmaxCrossEntropy(wanted as Tensor2D, logits);
          });
          return tf.addN(losses).div(branches.length) as Scalar;
        }, weights);
        optimizer.step(grads, epoch + step / steps);
        return value.dataSync()[0] as number;
      });
      if (!Number.isFinite(loss)) {
        throw new EddiError("internal", `training diverged in epoch ${epoch + 1}, step ${step + 1}: ${loss}`);
      }
      sum += loss;
      mean = sum / (step + 1);
      const stepSeconds = (performance.now() - startedMs) / 1000 / (step + 1);
      const secondsLeft = stepSeconds * (steps * (epochs - epoch) - step - 1);
      const pace = { epoch, epochs, step: step + 1, steps, loss: mean };
      status.update(paceText({ ...pace, imagesPerSecond: batch / stepSeconds, secondsLeft }));
      // Lets signals in: a step blocks the event loop.
      await new Promise(setImmediate);
    }
    status.note(`epoch ${epoch + 1}: loss ${mean.toFixed(3)}`);
  }
  return mean;
}

/** What the last exit says, then the feature map that each branch reads. */
function teach({ segments, branches }: Distillation, images: Tensor4D): Tensor[] {
  const { metadata, nodes } = segments.model;
  const segment: Segment = {
    nodes: nodes.map(({ name }) => name),
    feeds: [metadata.input.node],
    outputs: [metadata.exits.at(-1)!.node, ...branches.map(({ at }) => at)],
  };
  const [said, ...features] = segments.run(segment, [images]) as [Tensor, ...Tensor[]];
  const isLogits = outputKind(metadata.exits.at(-1)!) === "logits";
  return [isLogits ? softmax(said as Tensor2D) : said, ...features];
}

/** Random views in the model's input range. */
function viewsFor(
  tf: Tf,
  { segments, photos, seed }: Distillation,
  picked: Uint32Array,
  epoch: number,
): Tensor4D {
  const { input } = segments.model.metadata;
  const size = Math.max(input.height, input.width);
  const { images } = trainBatch(tf, photos, picked, { size, leastCrop: LEAST_CROP }, { seed, epoch });
  return inputOf(tf, images.clipByValue(-1, 1) as Tensor4D, input);
}

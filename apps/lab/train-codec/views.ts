import type { Tensor4D } from "@tensorflow/tfjs";
import type { ModelInput } from "#shared/model";
import { randomFor } from "#shared/random";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import { targets, trainBatch } from "../train/batches.ts";
import { inputOf } from "../train/input-of.ts";
import { type Examples, mixed } from "../train/mix.ts";
import type { CodecRecipe, Phase } from "./recipe.ts";

/** Sides of views are multiples of it, so that tensors are halved alike. */
const SIDES = 32;

/** Where a step stands, from 0 each. */
export interface StepPlace {
  readonly epoch: number;
  /** Over all epochs. */
  readonly step: number;
}

export interface ViewsJob {
  readonly input: ModelInput;
  readonly classes: number;
  /** Whether the net answers images of other sides too. */
  readonly isSizeFree: boolean;
  readonly recipe: CodecRecipe;
  readonly photos: Photos;
  /** Indices of the batch's photos. */
  readonly picked: Uint32Array;
}

/** Random views of a batch of photos as the model takes them, some batches mixed. They depend on seed and place alone. */
export function mixedViews(
  tf: Tf,
  { input, classes, isSizeFree, recipe, photos, picked }: ViewsJob,
  { epoch, step }: StepPlace,
  { side, leastCrop, mixing }: Phase,
): Examples {
  const { seed } = recipe;
  const whole = Math.max(input.height, input.width);
  const size = isSizeFree ? SIDES * Math.max(1, Math.round((side * whole) / SIDES)) : whole;
  const { images, labels } = trainBatch(tf, photos, picked, { size, leastCrop }, { seed, epoch });
  const plain = { images, wanted: targets(tf, labels, classes, 0) };
  const random = randomFor(seed, 4, epoch, step);
  const views = random() < mixing ? mixed(tf, plain, random) : plain;
  const clipped = views.images.clipByValue(-1, 1) as Tensor4D;
  return { images: inputOf(tf, clipped, input), wanted: views.wanted };
}

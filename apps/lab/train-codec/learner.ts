import type { Rank, Scalar, Tensor, Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import { randomFor } from "#shared/random";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import { useNativeReluGradient } from "../engine/native-ops.ts";
import { makeAverages } from "../train/averages.ts";
import { type NamedValues, readValues, writeValues } from "../train/weights.ts";
import type { Span } from "./cut.ts";
import { makeCodecDescent } from "./descent.ts";
import type { FrozenNet } from "./frozen.ts";
import { divergence, meanBits, roundThrough } from "./losses.ts";
import type { CodecNets } from "./nets.ts";
import { openPrior } from "./prior.ts";
import { openRateWeight } from "./rate-weight.ts";
import type { CodecRecipe, Phase } from "./recipe.ts";
import { mixedViews, type StepPlace } from "./views.ts";

/** What a step of the training came to. */
export interface StepResult {
  readonly loss: number;
  /** By the prior, of an image of full size. */
  readonly bytes: number;
  /** Error of the decoded tensor, as a share of its variance. */
  readonly error: number;
  /** Of the last exit that was run. */
  readonly divergence: number;
}

export interface CodecLearner {
  readonly nets: CodecNets;
  /** @param picked indices of the batch's photos */
  train(photos: Photos, picked: Uint32Array, at: StepPlace, phase: Phase): StepResult;
  /** Puts the averaged weights in place of the latest. */
  useAverages(): void;
  /** Weights, averages, the optimiser's state and the weight of the rate. */
  read(): NamedValues[];
  write(saved: readonly NamedValues[]): void;
}

export interface Teaching {
  readonly net: FrozenNet;
  readonly span: Span;
  /** Nodes of logits behind the tensor that is replaced, by exit, earliest first. */
  readonly exits: readonly string[];
  readonly classes: number;
  /** Whether the net answers images of other sides too. */
  readonly isSizeFree: boolean;
  /** Mean and variance of the tensor that is replaced, by channel. */
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** Beside a channel's variance, as a share of the mean one: channels that hardly differ count little. */
const SLACK = 0.05;

/**
 * Trains both nets of a codec, by the rate-distortion loss of learned compression (arXiv:1611.01704): what the frozen net
 * makes of the decoded tensor is to be what it makes of its own, at few bytes. These are told by a logistic prior of each
 * latent channel that is trained along, of the latent numbers with uniform noise in place of rounding.
 */
export function openCodecLearner(
  tf: Tf,
  nets: CodecNets,
  teaching: Teaching,
  recipe: CodecRecipe,
): CodecLearner {
  useNativeReluGradient(tf);
  const { net, span, exits } = teaching;
  const { latent } = recipe;
  const { middle, width, ...prior } = openPrior(tf, latent, "");
  const { weight: lambda, steer } = openRateWeight(tf, "lambda");
  const trained = [...nets.variables, ...prior.variables];
  const list = trained.map(({ variable }) => variable);
  const averages = makeAverages(tf, nets.variables, recipe.averaging);
  const descent = makeCodecDescent(tf, trained, nets.lengths, recipe);
  const kept = [...trained, lambda, ...averages.state, ...descent.state];
  const { metadata } = net.model;
  const { input } = metadata;
  const [high, wide] = metadata.tensors[span.replaces]!.shape as [number, number, number];
  const mostVariance = teaching.variance.reduce((sum, one) => sum + one, 0) / teaching.variance.length;
  const weights = tf.tensor1d(teaching.variance.map((one) => 1 / (one + SLACK * mostVariance)));

  /** The loss, then what it is made of; the last is the last exit's divergence. */
  const lossOf = (
    tensor: Tensor4D,
    aim: Tensor4D,
    said: readonly Tensor2D[],
    wanted: Tensor2D,
    noise: Tensor4D,
    { isRounded }: Phase,
  ): readonly [loss: Scalar, bytes: Scalar, error: Scalar, divergence: Scalar] => {
    const latents = nets.encode(tensor);
    const noisy = latents.add<Tensor4D>(noise);
    const bytes = meanBits(tf, noisy, middle, width).mul<Scalar>((high * wide * latent) / 8);
    const decoded = nets.decode(isRounded ? roundThrough(tf, latents) : noisy);
    const heard = net.run({ [span.replaces]: decoded }, exits.slice(0, said.length)) as Tensor2D[];
    const error = decoded.sub(aim).square().mul(weights).mean<Scalar>();
    const apart = heard.map((one, exit) => divergence(tf, said[exit]!, one));
    const parts = [
      error.mul<Scalar>(recipe.tensorWeight),
      ...apart,
      bytes.div(1000).mul<Scalar>(lambda.variable),
    ];
    if (recipe.labelWeight > 0) {
      const labelled = tf.losses.softmaxCrossEntropy(wanted, heard.at(-1)!);
      parts.push(labelled.mul<Scalar>(recipe.labelWeight));
    }
    return [tf.addN(parts), bytes, error, apart.at(-1)!];
  };

  const train: CodecLearner["train"] = (photos, picked, at, phase) => {
    const results = tf.tidy(() => {
      const { images, wanted } = mixedViews(tf, { ...teaching, input, recipe, photos, picked }, at, phase);
      const run = phase.hasLastExit ? exits : exits.slice(0, Math.max(1, exits.length - 1));
      const [tensor, aim, ...said] = net.run({ [input.node]: images }, [
        span.tensor,
        span.replaces,
        ...run,
      ]) as [Tensor4D, Tensor4D, ...Tensor2D[]];
      const noise = tf.randomUniform<Rank.R4>(
        [picked.length, aim.shape[1], aim.shape[2], latent],
        -0.5,
        0.5,
        "float32",
        1 + Math.floor(2 ** 30 * randomFor(recipe.seed, 5, at.epoch, at.step)()),
      );
      let told: Tensor[] = [];
      const { grads } = tf.variableGrads(() => {
        const parts = lossOf(tensor, aim, said, wanted, noise, phase);
        told = parts.map((one) => tf.keep(one.clone()));
        return parts[0];
      }, list);
      descent.step(grads, at.step, phase.share);
      averages.follow(at.step);
      return told;
    });
    const values = results.map((one) => one.dataSync()[0]!);
    tf.dispose(results);
    const [loss, bytes, error, divergence] = values as [number, number, number, number];
    if (!phase.isHeld) steer(bytes, phase.bytes);
    return { loss, bytes, error, divergence };
  };

  return {
    nets,
    train,
    useAverages: () => {
      for (const [at, { variable }] of nets.variables.entries()) {
        variable.assign(averages.state[at]!.variable);
      }
    },
    read: () => readValues(kept),
    write: (saved) => writeValues(tf, kept, saved),
  };
}

import type { Rank, Scalar, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { randomFor } from "#shared/random";
import type { Tf } from "../engine/native.ts";
import { asNarrowAs, widen } from "../train/architectures/bfloat16.ts";
import type { DetourSpan } from "../train/architectures/detour.ts";
import { findArchitecture, type Network } from "../train/architectures/index.ts";
import { learningShare, type Recipe } from "../train/architectures/recipe.ts";
import { loadCheckpoint } from "../train/checkpoint.ts";
import type { Companion } from "../train/companion.ts";
import type { Step } from "../train/step.ts";
import { type NamedVariable, writeValues } from "../train/weights.ts";
import { halvings, type Span, spanOf } from "./cut.ts";
import { makeCodecDescent } from "./descent.ts";
import { meanBits, roundThrough } from "./losses.ts";
import type { TrainedNets } from "./make-codec.ts";
import { type CodecNets, layoutOf, makeNets } from "./nets.ts";
import { openPrior } from "./prior.ts";
import { openRateWeight } from "./rate-weight.ts";
import { CODEC_RECIPE } from "./recipe.ts";

/** Share of a batch's photos that go by the codec. */
const CODED = 0.5;
/** Share of the training from which on what is decoded is rounded. */
const ROUNDED = 0.8;
/** Beside a channel's variance, as a share of the mean one: channels that hardly differ count little. */
const SLACK = 0.05;
/** Filters of the encoder's convolutions. */
const WIDTH = 64;
/** Of the names of its variables in a checkpoint of `lab train`. */
const PREFIX = "codec/";

/** Both nets of a codec that is trained along with its network. */
function netsAlong(tf: Tf, { from, to, isRectified }: DetourSpan, seed: number): CodecNets {
  const halved = halvings(from, to)!;
  const layout = layoutOf({
    from: from[2],
    to: to[2],
    widths: Array.from({ length: Math.max(1, halved) }, () => WIDTH),
    isStrided: halved > 0,
    isRectified,
    ...CODEC_RECIPE,
  });
  return makeNets(tf, layout, seed);
}

/** Their variables, as they stand in a checkpoint. */
function namedAlong({ variables }: CodecNets): readonly NamedVariable[] {
  return variables.map(({ name, variable }) => ({ name: `${PREFIX}${name}`, variable }));
}

/**
 * Trains a codec together with its network: half of a batch's photos take the detour by its decoder, so that what lies
 * behind learns from both, and so does what lies before the encoder. Beside the network's own loss stand the rate and
 * the error of what is decoded, as `openCodecLearner` has them.
 *
 * @param bytes of an image that it is steered to
 */
export function codecAlong(
  tf: Tf,
  { detours }: Network,
  span: DetourSpan,
  recipe: Recipe,
  bytes: number,
): Companion {
  const { seed, epochs, phases } = recipe;
  // It begins at its own peak, whatever the network begins again with.
  const peak = phases[0]!.restart ?? 1;
  const { latent, tensorWeight } = CODEC_RECIPE;
  const nets = netsAlong(tf, span, seed);
  const { middle, width, ...prior } = openPrior(tf, latent, PREFIX);
  const { weight, steer } = openRateWeight(tf, `${PREFIX}lambda`);
  const trained = namedAlong(nets);
  const lengths = new Map([...nets.lengths].map(([name, length]) => [`${PREFIX}${name}`, length]));
  const descent = makeCodecDescent(tf, [...trained, ...prior.variables], lengths, CODEC_RECIPE);
  const [high, wide] = span.to;
  let lastBytes = Number.NaN;

  /** What comes by the codec in place of a tensor, what an image took, and what that adds to the loss. */
  const coded = (from: Tensor4D, to: Tensor4D, { epoch, step, steps }: Step) => {
    const latents = nets.encode(from);
    const drawn = 1 + Math.floor(2 ** 30 * randomFor(seed, 5, epoch, step)());
    const noise = tf.randomUniform<Rank.R4>(latents.shape, -0.5, 0.5, "float32", drawn);
    const noisy = latents.add<Tensor4D>(noise);
    const told = meanBits(tf, noisy, middle, width).mul<Scalar>((high * wide * latent) / 8);
    const isRounded = (epoch + step / steps) / epochs >= ROUNDED;
    const decoded = nets.decode(isRounded ? roundThrough(tf, latents) : noisy);
    const error = offBy(tf, decoded, to).square().mean().mul<Scalar>(tensorWeight);
    return { decoded, told, added: error.add<Scalar>(told.div(1000).mul(weight.variable)) };
  };

  const withDetour = <T>(take: (from: Tensor4D, to: Tensor4D) => Tensor4D, use: () => T): T => {
    detours.take = (from, to) => asNarrowAs(tf, take(from, to), to);
    try {
      return use();
    } finally {
      detours.take = null;
    }
  };

  return {
    trained,
    state: [...prior.variables, weight, ...descent.state],
    run: (step, network) => {
      // A network disposes of what was made within it.
      const kept: Scalar[] = [];
      const take = (from: Tensor4D, to: Tensor4D): Tensor4D => {
        const [before, after] = [widen(tf, from), widen(tf, to)];
        const count = Math.ceil(before.shape[0] * CODED);
        const { decoded, told, added } = coded(before.slice(0, count), after.slice(0, count), step);
        kept.push(tf.keep(added));
        lastBytes = told.dataSync()[0]!;
        return tf.concat([decoded, after.slice(count)]);
      };
      withDetour(take, network);
      const added = tf.addN(kept) as Scalar;
      tf.dispose(kept);
      return added;
    },
    step: (gradients, { epoch, step, steps }) => {
      const share = learningShare(recipe, epoch + step / steps) / peak;
      descent.step(gradients, epoch * steps + step, share);
      steer(lastBytes, bytes);
    },
    within: (use) => withDetour((from) => nets.decode(tf.round(nets.encode(widen(tf, from)))), use),
    summary: () => `by the codec at ${lastBytes.toFixed(0)} bytes`,
  };
}

/**
 * The nets that were trained along with a model, and how.
 *
 * @param replaces what the decoder gives; what it was trained to, if not given
 * @param folder where `lab train` wrote its checkpoints
 * @throws EddiError `not-found` without a checkpoint, `bad-argument` where it is another model's, or of no such codec
 */
export async function readNetsAlong(
  tf: Tf,
  folder: string,
  model: Model,
  tensor: string,
  replaces: string | undefined,
): Promise<TrainedNets & { readonly span: Span }> {
  const found = await loadCheckpoint(folder, "best");
  if (found === null) throw new EddiError("not-found", `expected a checkpoint in ${folder}, got none`);
  const { recipe, tensors } = found;
  const expect = (holds: boolean, what: string, came: unknown): void => {
    if (!holds) throw new EddiError("bad-argument", `${folder}: expected ${what}, got ${came}`);
  };
  const { id } = model.metadata;
  expect(found.architecture === id, `a training of ${id}`, found.architecture);
  expect(recipe.codecBytes !== undefined, "a training with --codec", "one without");
  const span = findArchitecture(found.architecture).span!;
  const isSame = span.tensor === tensor && span.replaces === (replaces ?? span.replaces);
  const wanted =
    replaces === undefined ? `a codec of ${tensor}` : `a codec of ${tensor} that gives ${replaces}`;
  expect(isSame, wanted, `one of ${span.tensor} that gives ${span.replaces}`);
  const nets = netsAlong(tf, span, recipe.seed);
  writeValues(tf, namedAlong(nets), tensors);
  const trained = `along with the model, for as many epochs, ${recipe.epochs}`;
  return { span: spanOf(model, tensor, span.replaces), nets, trained, facts: { recipe } };
}

/** How far what is decoded is off, in deviations of each channel. Nothing is learnt by what it is to be. */
function offBy(tf: Tf, decoded: Tensor4D, aim: Tensor4D): Tensor {
  const op = tf.customGrad((...args) => {
    const [given, save] = args as unknown as [Tensor4D, (saved: Tensor[]) => void];
    const { variance } = tf.moments(aim, [0, 1, 2]);
    const scale = tf.rsqrt(variance.add(variance.mean().mul(SLACK)).add(1e-6));
    save([scale]);
    const gradFunc = (dy: Tensor, [kept]: Tensor[]): Tensor => dy.mul(kept!);
    return { value: given.sub(aim).mul(scale), gradFunc };
  });
  return op(decoded);
}

import type { LayersModel, layers, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import type { Tf } from "../engine/native.ts";
import { EPSILON } from "./architectures/batch-norm.ts";
import type { Network } from "./architectures/index.ts";
import { lengthOf } from "./muon.ts";
import { modelVariables } from "./weights.ts";

/** The weights of an exported model, by the names of its constants: `LAYER/kernel`, `LAYER/bias`. */
export type StoredWeights = Readonly<Record<string, Tensor>>;

/** Layers with weights of their own, by name. */
export interface Started {
  readonly taken: readonly string[];
  /** Of another shape, or not in the model: they stay as they are. */
  readonly left: readonly string[];
}

/**
 * Lets a network begin as an exported model: layers of the same name and shape get its weights. There normalisations are
 * folded into the convolutions before them; here they stand apart again, with the statistics that the photos give, so
 * that the network answers as the model does, in training too. Kernels get the length that Muon keeps.
 *
 * @param batches float32 [batch, size, size, 3]; disposed here
 * @throws EddiError `bad-argument` when no layer is alike
 */
export function startFrom(
  tf: Tf,
  { model }: Pick<Network, "model">,
  stored: StoredWeights,
  batches: Iterable<Tensor4D>,
): Started {
  const variables = new Map(modelVariables(model).map(({ name, variable }) => [name, variable]));
  const owners = model.layers.filter(({ name }) => isOwner(name, variables));
  const isAlike = (layer: Layer): boolean => {
    const kernel = stored[`${layer.name}/kernel`];
    return String(kernel?.shape) === String(layer.weights[0]!.shape);
  };
  const alike = owners.filter(isAlike);
  if (alike.length === 0) {
    const came = Object.keys(stored).slice(0, 3).join(", ");
    const expected = `expected a model with layers of ${model.name} to begin with`;
    throw new EddiError(
      "bad-argument",
      `${expected}, got one with none of the same name and shape (${came}, ...)`,
    );
  }
  const set = (name: string, value: Tensor): void => variables.get(name)!.assign(value);
  const folded: { readonly layer: Layer; readonly scale: Tensor; readonly bias: Tensor }[] = [];
  tf.tidy(() => {
    for (const layer of alike) {
      const { name } = layer;
      const [kernel, bias] = [stored[`${name}/kernel`]!, stored[`${name}/bias`]!];
      if (!variables.has(`${name}/norm/gamma`)) {
        set(`${name}/kernel`, kernel);
        set(`${name}/bias`, bias);
        continue;
      }
      const scale = lengthOf(kernel).div(Math.sqrt(bias.size));
      layer.weights[0]!.write(kernel.div(scale));
      const ones = tf.onesLike(bias);
      set(`${name}/norm/gamma`, ones.mul(scale));
      set(`${name}/norm/beta`, bias);
      set(`${name}/norm/moving_mean`, tf.zerosLike(bias));
      set(`${name}/norm/moving_variance`, ones.mul(1 - EPSILON));
      folded.push({ layer, scale: tf.keep(scale), bias });
    }
  });
  const convolutions = folded.map(({ layer }) => layer);
  const moments = convolutions.length === 0 ? [] : momentsOf(tf, model, convolutions, batches);
  tf.tidy(() => {
    for (const [at, { layer, scale, bias }] of folded.entries()) {
      const { mean, variance } = moments[at]!;
      set(`${layer.name}/norm/moving_mean`, mean);
      set(`${layer.name}/norm/moving_variance`, variance);
      set(`${layer.name}/norm/gamma`, variance.add(EPSILON).sqrt().mul(scale));
      set(`${layer.name}/norm/beta`, bias.add(mean.mul(scale)));
    }
  });
  tf.dispose([
    ...folded.map(({ scale }) => scale),
    ...moments.flatMap(({ mean, variance }) => [mean, variance]),
  ]);
  const taken = alike.map(({ name }) => name);
  return { taken, left: owners.map(({ name }) => name).filter((name) => !taken.includes(name)) };
}

type Layer = layers.Layer;

/** Whether it has a kernel. */
function isOwner(name: string, variables: ReadonlyMap<string, unknown>): boolean {
  return variables.has(`${name}/kernel`) || variables.has(`${name}/depthwise_kernel`);
}

interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Of what these layers give, channel by channel, over photos and places. */
function momentsOf(
  tf: Tf,
  { inputs }: LayersModel,
  convolutions: readonly Layer[],
  batches: Iterable<Tensor4D>,
): readonly Moments[] {
  const outputs = convolutions.map(({ output }) => [output].flat()[0]!);
  const inside = tf.model({ inputs, outputs });
  let sums: Tensor[] | null = null;
  let seen = 0;
  for (const images of batches) {
    const before: Tensor[] | null = sums;
    sums = tf.tidy((): Tensor[] => {
      const values = [inside.apply(images, { training: false })].flat() as Tensor[];
      const parts = values.flatMap((one) => [one.mean([0, 1, 2]), one.square().mean([0, 1, 2])]);
      return parts.map((part, at) => (before === null ? part : part.add(before[at]!)));
    });
    tf.dispose([images, ...(before ?? [])]);
    seen++;
  }
  const means = sums!.map((sum) => tf.tidy(() => sum.div(seen)));
  tf.dispose(sums!);
  return convolutions.map((_, at) => {
    const [mean, square] = [means[2 * at]!, means[2 * at + 1]!];
    const variance = tf.tidy(() => square.sub(mean.square()).maximum(0));
    square.dispose();
    return { mean, variance };
  });
}

import type { LayersModel, layers, Tensor, Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import type { Tf } from "../engine/native.ts";
import { EPSILON } from "./architectures/batch-norm.ts";
import type { Network } from "./architectures/index.ts";
import { type ChannelMoments, channelMoments } from "./channel-moments.ts";
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
    const hasBias = stored[`${layer.name}/bias`] !== undefined;
    return hasBias && String(kernel?.shape) === String(layer.weights[0]!.shape);
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
  const outputs = convolutions.map(({ output }) => [output].flat()[0]!);
  const moments =
    convolutions.length === 0 ? [] : measured(tf, tf.model({ inputs: model.inputs, outputs }), batches);
  tf.tidy(() => {
    for (const [at, { layer, scale, bias }] of folded.entries()) {
      const [mean, variance] = [tf.tensor1d(moments[at]!.mean), tf.tensor1d(moments[at]!.variance)];
      set(`${layer.name}/norm/moving_mean`, mean);
      set(`${layer.name}/norm/moving_variance`, variance);
      set(`${layer.name}/norm/gamma`, variance.add(EPSILON).sqrt().mul(scale));
      set(`${layer.name}/norm/beta`, bias.add(mean.mul(scale)));
    }
  });
  tf.dispose(folded.map(({ scale }) => scale));
  const taken = alike.map(({ name }) => name);
  return { taken, left: owners.map(({ name }) => name).filter((name) => !taken.includes(name)) };
}

type Layer = layers.Layer;

/** Whether it has a kernel. */
function isOwner(name: string, variables: ReadonlyMap<string, unknown>): boolean {
  return variables.has(`${name}/kernel`) || variables.has(`${name}/depthwise_kernel`);
}

/** Of what a model gives as it answers. */
function measured(tf: Tf, inside: LayersModel, batches: Iterable<Tensor4D>): readonly ChannelMoments[] {
  return channelMoments(
    tf,
    batches,
    (images) => [inside.apply(images, { training: false })].flat() as Tensor[],
  );
}

import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { integersOf } from "#shared/exporting";
import type { ModelNode } from "#shared/model";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import { inputBatches } from "../evaluate/exit-scores.ts";
import { type ChannelMoments, channelMoments } from "../train/channel-moments.ts";
import { lengthOf } from "../train/muon.ts";
import { halvings, nodesBehind, type Span } from "./cut.ts";
import type { FrozenNet } from "./frozen.ts";
import { type CodecNets, type LayoutOptions, layoutOf, makeNets } from "./nets.ts";
import type { CodecRecipe } from "./recipe.ts";

/** Filters of an encoder's convolutions where no branch of the model tells others. */
const [LEAST_WIDTH, MOST_WIDTH] = [32, 64];
const BATCH = 32;

/** Of some tensors of the model, for whole photos. */
export function momentsOf(
  tf: Tf,
  { model, run }: FrozenNet,
  photos: Photos,
  names: readonly string[],
): readonly ChannelMoments[] {
  const { input } = model.metadata;
  return channelMoments(tf, inputBatches(photos, input, BATCH), (images) =>
    run({ [input.node]: images }, names),
  );
}

/**
 * Both nets as training begins. Where a branch of the model halves the tensor as the encoder does, the encoder's
 * convolutions are that branch's; else the first one is scaled to the tensor's values. What is decoded has the mean and the
 * spread of what it replaces.
 */
export function beginNets(
  tf: Tf,
  net: FrozenNet,
  span: Span,
  moments: { readonly from: ChannelMoments; readonly to: ChannelMoments },
  recipe: CodecRecipe,
): CodecNets {
  const { tensors } = net.model.metadata;
  const [from, to] = [tensors[span.tensor]!, tensors[span.replaces]!];
  const halved = halvings(from.shape, to.shape)!;
  const channels = from.shape[2]!;
  const branch = branchBehind(net, span, halved);
  const usual = Array.from({ length: Math.max(1, halved) }, (_, at) =>
    Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, channels * 2 ** at)),
  );
  const options: LayoutOptions = {
    from: channels,
    to: to.shape[2]!,
    widths: branch === null ? usual : branch.map(({ kernel }) => kernel.shape[3]),
    isStrided: halved > 0,
    isRectified: to.range[0] >= 0,
    ...recipe,
  };
  const nets = makeNets(tf, layoutOf(options), recipe.seed);
  for (const [at, { kernel }] of (branch ?? []).entries()) {
    nets.lengths.set(
      `encoder/conv${at + 1}/kernel`,
      tf.tidy(() => lengthOf(kernel).dataSync()[0]!),
    );
  }
  tf.tidy(() => {
    const spread = Math.sqrt(moments.from.variance.reduce((sum, one) => sum + one, 0) / channels);
    const first = nets.variable("encoder/conv1/kernel");
    if (branch === null) first.assign(first.div(spread + 1e-6));
    for (const [at, { kernel, bias }] of (branch ?? []).entries()) {
      nets.variable(`encoder/conv${at + 1}/kernel`).assign(kernel);
      nets.variable(`encoder/conv${at + 1}/bias`).assign(bias);
    }
    const last = nets.variable("decoder/decoded/kernel");
    last.assign(last.mul(tf.sqrt(tf.tensor1d(moments.to.variance))));
    nets.variable("decoder/decoded/bias").assign(tf.tensor1d(moments.to.mean));
  });
  return nets;
}

interface BranchConvolution {
  readonly kernel: Tensor4D;
  readonly bias: Tensor1D;
}

/** So many 3x3 convolutions of stride 2, one behind the other, that lead from the tensor to an exit past the other one. */
function branchBehind(
  { model, weights }: FrozenNet,
  { tensor, replaces }: Span,
  count: number,
): BranchConvolution[] | null {
  const byName = new Map(model.nodes.map((node) => [node.name, node]));
  const found: BranchConvolution[] = [];
  for (let at = tensor; found.length < count; ) {
    const reader = model.nodes.find(
      (node) => node.inputs[0] === at && isHalving(node) && !nodesBehind(model, node.name).has(replaces),
    );
    if (reader === undefined || !byName.has(at)) return null;
    const [, kernel, bias] = reader.inputs as [string, string, string];
    const one = { kernel: weights[kernel] as Tensor4D, bias: weights[bias] as Tensor1D };
    if (one.kernel.shape[0] !== 3 || one.kernel.shape[1] !== 3) return null;
    found.push(one);
    at = reader.name;
  }
  return found.length === 0 ? null : found;
}

function isHalving(node: ModelNode): boolean {
  return node.op === "_FusedConv2D" && integersOf(node, "strides")[1] === 2;
}

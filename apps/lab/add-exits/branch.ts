import type { SymbolicTensor } from "@tensorflow/tfjs";
import type { Tf } from "../engine/native.ts";
import { softmaxNode } from "../export/layer-nodes.ts";
import { layerWriter } from "../export/walk.ts";
import type { GraphNode } from "../graph-model/node-def.ts";
import { NORM_MOMENTUM } from "../train/architectures/batch-norm.ts";
import { makeBlocks } from "../train/architectures/blocks.ts";
import type { Network } from "../train/architectures/index.ts";

/** An exit's own layers, from the feature map that it reads to its logits. */
export type Branch = Pick<Network, "model" | "norms"> & {
  readonly id: string;
  /** The node of the backbone that it reads. */
  readonly at: string;
};

export interface BranchOptions {
  readonly id: string;
  readonly at: string;
  /** Height, width and channels of the feature map. */
  readonly shape: readonly number[];
  readonly classes: number;
  readonly seed: number;
}

/** A branch halves its map until it is that small, at least once. */
const SMALL_MAP = 7;
const LEAST_WIDTH = 64;
const MOST_WIDTH = 256;

/** Strided 3x3 convolutions, each doubling the channels, then global average pooling and a dense layer. */
export function makeBranch(tf: Tf, { id, at, shape, classes, seed }: BranchOptions): Branch {
  const norms = { momentum: NORM_MOMENTUM };
  const blocks = makeBlocks(tf, seed, norms);
  const [height = 1, width = 1, channels = 1] = shape;
  const feature = tf.input({ shape: [height, width, channels], name: `${id}/feature` });
  let x: SymbolicTensor = feature;
  let side = Math.max(height, width);
  let filters = channels;
  for (let step = 1; step === 1 || side > SMALL_MAP; step++) {
    filters = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, 2 * filters));
    x = blocks.convBnRelu(x, `${id}/conv${step}`, { filters, kernel: 3, stride: 2 });
    side = Math.ceil(side / 2);
  }
  const model = tf.model({ inputs: feature, outputs: blocks.classifier(x, id, classes), name: id });
  return { id, at, model, norms };
}

/** The branch as nodes that read the backbone's node: normalisations folded, a softmax at the end. */
export function branchNodes({ id, at, model }: Branch): readonly GraphNode[] {
  const { nodes, write } = layerWriter(model, model.outputLayers);
  const logits = write(model.outputLayers[0]!);
  const feature = model.inputLayers[0]!.name;
  const own = nodes
    .filter(({ op }) => op !== "Placeholder")
    .map((node) => ({ ...node, inputs: node.inputs.map((input) => (input === feature ? at : input)) }));
  return [...own, softmaxNode(`${id}/scores`, logits)];
}

import type { LayersModel, SymbolicTensor } from "@tensorflow/tfjs";
import { NORM_MOMENTUM, type NormControl } from "../batch-norm.ts";
import type { Tf } from "../native.ts";
import type { Recipe } from "../recipe.ts";
import { type Blocks, makeBlocks } from "./blocks.ts";

/** An exit of a network; logits are float32 [batch, classes]. */
export interface GraphExit {
  readonly id: string;
  /** What is trained. */
  readonly logits: SymbolicTensor;
  /** What it answers, if it is not that alone: other exits may have a say in it that no training sees. */
  readonly answer?: SymbolicTensor;
}

/** The layers of a multi-exit network, before it has weights. */
export interface Graph {
  /** Earliest first. */
  readonly exits: readonly GraphExit[];
}

export interface Parts {
  /** float32 [batch, height, width, 3], -1..1 */
  readonly image: SymbolicTensor;
  readonly blocks: Blocks;
  readonly classes: number;
}

export interface Architecture {
  readonly id: string;
  /** Height and width of the images it answers. */
  readonly size: number;
  readonly classes: number;
  /** The published set that it is made for. */
  readonly dataSet: "cifar10" | "imagenette";
  /** Whether every convolution has a multiple of 16 channels, the image's and the scores' aside. */
  readonly isWide: boolean;
  /** How it is trained, unless the command says otherwise. */
  readonly recipe: Recipe;
  /** Weight of each exit in the joint loss (BranchyNet, arXiv:1709.01686), earliest first. */
  readonly exitWeights: readonly number[];
  build(parts: Parts): Graph;
}

export interface Network {
  readonly architecture: Architecture;
  /** One output of logits per exit, in order: what is trained. */
  readonly model: LayersModel;
  /** The same layers, and one output of logits per exit: what it answers. */
  readonly answers: LayersModel;
  readonly exitIds: readonly string[];
  readonly norms: NormControl;
}

export const IMAGE_NODE = "image";

/**
 * Builds the layers with fresh weights.
 *
 * @param size height and width of the input; null leaves them open, for training at several sizes
 */
export function buildNetwork(tf: Tf, architecture: Architecture, seed: number, size: number | null): Network {
  const image = tf.input({ shape: [size, size, 3], name: IMAGE_NODE });
  const norms = { momentum: NORM_MOMENTUM };
  const parts = { image, blocks: makeBlocks(tf, seed, norms), classes: architecture.classes };
  const { exits } = architecture.build(parts);
  const modelOf = (outputs: SymbolicTensor[]) => tf.model({ inputs: image, outputs, name: architecture.id });
  return {
    architecture,
    model: modelOf(exits.map(({ logits }) => logits)),
    answers: modelOf(exits.map(({ logits, answer }) => answer ?? logits)),
    exitIds: exits.map(({ id }) => id),
    norms,
  };
}

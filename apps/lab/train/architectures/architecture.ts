import type { LayersModel, SymbolicTensor } from "@tensorflow/tfjs";
import type { OfficialId } from "../../data/data-set.ts";
import type { Tf } from "../../engine/native.ts";
import { NORM_MOMENTUM, type NormControl } from "./batch-norm.ts";
import { type Blocks, makeBlocks } from "./blocks.ts";
import type { DetourControl, DetourSpan } from "./detour.ts";
import type { Recipe } from "./recipe.ts";

/** The layers of a multi-exit network, before it has weights; logits are float32 [batch, classes]. */
export interface Graph {
  /** Earliest first. */
  readonly exits: readonly { readonly id: string; readonly logits: SymbolicTensor }[];
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
  readonly dataSet: OfficialId;
  /** The model whose weights its training begins with, unless the command says otherwise; random ones without it. */
  readonly startsFrom?: string;
  /** Whether every convolution has a multiple of 16 channels, the image's and the scores' aside. */
  readonly isWide: boolean;
  /** How it is trained, unless the command says otherwise. */
  readonly recipe: Recipe;
  /**
   * Whether the last exit answers together with the one before it, as the ensembles of Zero Time Waste
   * (arXiv:2106.05409); each is trained alone.
   */
  readonly isEnsemble: boolean;
  /** Weight of each exit in the joint loss (BranchyNet, arXiv:1709.01686), earliest first. */
  readonly exitWeights: readonly number[];
  /** What a codec that is trained along spans, where there is a detour. */
  readonly span?: DetourSpan;
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
  readonly detours: DetourControl;
}

const IMAGE_NODE = "image";

/**
 * Builds the layers with fresh weights.
 *
 * @param size height and width of the input; null leaves them open, for training at several sizes
 */
export function buildNetwork(tf: Tf, architecture: Architecture, seed: number, size: number | null): Network {
  const image = tf.input({ shape: [size, size, 3], name: IMAGE_NODE });
  const norms = { momentum: NORM_MOMENTUM };
  const detours: DetourControl = { take: null };
  const blocks = makeBlocks(tf, seed, norms, detours);
  const graph = architecture.build({ image, blocks, classes: architecture.classes });
  const logits = graph.exits.map((exit) => exit.logits);
  const exitIds = graph.exits.map(({ id }) => id);
  const modelOf = (outputs: SymbolicTensor[]) => tf.model({ inputs: image, outputs, name: architecture.id });
  // Added logits are the geometric mean of both answers, but for the temperature, which is fitted later.
  const withEnsemble = (all: readonly SymbolicTensor[]): SymbolicTensor[] => {
    const [before, last] = all.slice(-2) as [SymbolicTensor, SymbolicTensor];
    return [...all.slice(0, -1), blocks.add(last, before, `${exitIds.at(-1)}/ensemble`)];
  };
  return {
    architecture,
    model: modelOf(logits),
    answers: modelOf(architecture.isEnsemble ? withEnsemble(logits) : logits),
    exitIds,
    norms,
    detours,
  };
}

import { EddiError } from "#shared/errors";
import { type Model, outputKind } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Halves } from "../data/halves.ts";
import { thinned } from "../data/held-back.ts";
import type { Photos } from "../data/photos.ts";
import type { Tf } from "../engine/native.ts";
import { exitsBehind } from "../evaluate/codec-costs.ts";
import { type FinishedCodec, finishCodec } from "../fit-codec/finish-codec.ts";
import { type FittedLinear, fitCodec } from "../fit-codec/fit-codec.ts";
import { readValues } from "../train/weights.ts";
import { beginNets, momentsOf } from "./begin.ts";
import { nodesBehind, type Span } from "./cut.ts";
import { openDraft, wayOf } from "./draft.ts";
import { frozenNet } from "./frozen.ts";
import { type CodecLearner, openCodecLearner } from "./learner.ts";
import { netNodes } from "./net-nodes.ts";
import type { CodecNets } from "./nets.ts";
import type { CodecRecipe } from "./recipe.ts";

/** Photos that the spread of both tensors is measured on, and the ranges of the nets' own. */
const MEASURED_PHOTOS = 256;
/** Operations whose results have another shape, or another meaning, for images of other sides. */
const FIXED_SIZE = new Set(["Reshape", "AvgPool"]);

/** A model whose codec is trained. */
export interface CodecSubject {
  readonly folder: string;
  readonly segments: SegmentModel;
  readonly span: Span;
  readonly kept: Photos;
  readonly heldBack: Photos;
}

/** Nets as training begins, and what trains them. */
export async function openLearner(tf: Tf, subject: CodecSubject, recipe: CodecRecipe): Promise<CodecLearner> {
  const { folder, segments, span, kept } = subject;
  const { model } = segments;
  const exits = logitsBehind(model, span.replaces);
  const net = await frozenNet(tf, segments, folder);
  const names = [span.tensor, span.replaces];
  const [from, to] = momentsOf(tf, net, thinned(kept, MEASURED_PHOTOS), names) as [Moments, Moments];
  const nets = beginNets(tf, net, span, { from, to }, recipe);
  const behind = nodesBehind(model, span.tensor);
  const isSizeFree = !model.nodes.some(({ name, op }) => behind.has(name) && FIXED_SIZE.has(op));
  const classes = model.metadata.labels.length;
  return openCodecLearner(tf, nets, { net, span, exits, classes, isSizeFree, ...to }, recipe);
}

type Moments = ReturnType<typeof momentsOf>[number];

/**
 * Nodes of the logits of the exits behind a tensor, earliest first.
 *
 * @throws EddiError `bad-argument` for an exit that gives none
 */
function logitsBehind(model: Model, name: string): readonly string[] {
  const nodes = new Map(model.nodes.map((node) => [node.name, node]));
  const behind = exitsBehind(model, name);
  return model.metadata.exits
    .filter(({ id }) => behind.includes(id))
    .map((exit) => {
      const node = nodes.get(exit.node)!;
      if (node.op === "Softmax") return node.inputs[0]!;
      if (outputKind(exit) === "logits") return exit.node;
      throw new EddiError(
        "bad-argument",
        `${exit.id}: expected scores of a softmax or logits, got ${node.op}`,
      );
    });
}

/** Nets and how they were trained: for the card, and for JSON. */
export interface TrainedNets {
  readonly nets: CodecNets;
  readonly trained: string;
  readonly facts: object;
}

/** What is done with nets that are trained. */
export interface CodecFinish {
  /** By rate: top-1 that may be lost beyond what the nets lose, 0..1. */
  readonly losses: readonly number[];
  readonly measuredOn: Halves;
  /** How they were trained, for the card. */
  readonly trained: string;
  readonly onProgress: (what: string, share: number) => void;
}

/** Fits tables to the trained nets, measures them, and stores both in the model's folder. */
export async function finishNets(
  subject: CodecSubject,
  nets: CodecNets,
  { losses, measuredOn, trained, onProgress }: CodecFinish,
): Promise<FinishedCodec & { readonly fitted: FittedLinear }> {
  const { folder, segments, span, kept, heldBack } = subject;
  const { shape } = segments.model.metadata.tensors[span.tensor]!;
  const written = netNodes(span.tensor, shape.slice(0, 2), nets.layout, readValues(nets.variables));
  const draft = await openDraft(folder, span, written, thinned(kept, MEASURED_PHOTOS));
  try {
    const way = wayOf(span, written);
    const request = { segments: draft.segments, name: span.tensor, kept, heldBack, losses, way, onProgress };
    const fitted = await fitCodec(request);
    const learned = { way, nets: draft.nets, trained };
    const ready = { folder, segments: draft.segments, name: span.tensor, fitted, learned };
    return { ...(await finishCodec(ready, measuredOn, onProgress)), fitted };
  } finally {
    draft.segments.dispose();
  }
}

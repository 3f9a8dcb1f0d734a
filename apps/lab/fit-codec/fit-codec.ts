import { type LinearCoder, type LinearRate, type LinearTransform, linearCoder, TOTAL } from "#shared/codecs";
import { elementCount } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { thinned } from "../data/held-back.ts";
import type { Photos } from "../data/photos.ts";
import { neverRising } from "../evaluate/choose-quality.ts";
import { exitsBehind, measureFitted } from "../evaluate/codec-costs.ts";
import type { CodecWay } from "../evaluate/codec-way.ts";
import type { MeasuredCost } from "../evaluate/tally.ts";
import { fitRate, keepComponents } from "./fit-rate.ts";
import { blocksOf, type FittedTransform, fitTransform, keepChannels } from "./fit-transform.ts";
import { tensorValues } from "./tensor-values.ts";

/** What a codec is fitted to, and chosen on. */
export interface FitRequest {
  readonly segments: SegmentModel;
  /** Of the tensor. */
  readonly name: string;
  /** Training photos, and those held back from training. */
  readonly kept: Photos;
  readonly heldBack: Photos;
  /** By rate: top-1 that may be lost, 0..1; of a learned codec beyond what its nets lose at the finest step. */
  readonly losses: readonly number[];
  /** Of a learned codec, whose nets the segments have too: fitted is what its encoder gives. */
  readonly way: CodecWay | null;
  readonly onProgress: (what: string, share: number) => void;
}

/** A codec fitted to a tensor. */
export interface FittedLinear {
  readonly transform: LinearTransform;
  /** Coarsest first. */
  readonly rates: readonly LinearRate[];
  readonly coders: readonly LinearCoder[];
  /** Every step that was tried on the held-back photos, finest first. */
  readonly tried: readonly TriedStep[];
}

export interface TriedStep {
  readonly step: number;
  readonly cost: MeasuredCost;
  /** The most that any exit behind the tensor is expected to lose, fitted never to rise with a finer step. */
  readonly loss: number;
}

const MOST_PHOTOS = 2500;
/** Of all values that are held: 240 MB. */
const MOST_VALUES = 60e6;
/** Steps that are tried, as shares of the values' standard deviation: each a fifth finer than the one before. */
const STEPS: readonly number[] = Array.from({ length: 15 }, (_, at) => 3.2 * 0.82 ** at);
/** The same of a learned codec, as they are: its nets were trained with whole numbers. */
const LEARNED_STEPS: readonly number[] = [4, 3.5, 3, 2.6, 2.3, 2, 1.75, 1.5, 1.25, 1, 0.75];
/** What the nets of a learned codec were trained with: it is always a rate. */
const TRAINED_STEP = 1;
/** So many of the bytes a transform, or one of larger blocks, may take to be worth its work. */
const WORTH = 0.9;
/** At this step transforms are compared: all are off by as much then. */
const COMPARED = 1;

/**
 * Fits a linear codec: principal components of the tensor's blocks, of the size that pays, if any do, and for each loss that is
 * tolerated the coarsest step that keeps it on the held-back photos, with static tables.
 *
 * @throws EddiError `bad-argument` for a model whose exits name no classes
 */
export async function fitCodec(request: FitRequest): Promise<FittedLinear> {
  const { segments, name, kept, heldBack, losses, way, onProgress } = request;
  const coded = way?.encoder.outputs[0] ?? name;
  const { shape, range } = segments.model.metadata.tensors[coded]!;
  const each = elementCount(shape);
  const most = Math.max(1, Math.min(MOST_PHOTOS, Math.floor(MOST_VALUES / each)));
  const photos = thinned(kept, most);
  const values = await tensorValues(segments, photos, coded, (share) => onProgress("tensors", share));
  const spread = deviation(values, shape.at(-1)!);
  const { transform, along } = chooseTransform(values, shape, way === null ? COMPARED * spread : 1);
  const components = transform.basis.length / transform.mean.length;
  const steps = way === null ? STEPS.map((share) => share * spread) : LEARNED_STEPS;
  const all = steps.map((step) => fitRate(along, components, step));
  const coders = all.map((rate) => linearCoder(transform, rate, range));
  const costs = await measureFitted(segments, heldBack, name, coders, way, (share) =>
    onProgress("rates", share),
  );
  const exits = exitsBehind(segments.model, way?.replaces ?? name);
  const tried = triedSteps(all, costs, exits).toReversed();
  const floor = way === null ? 0 : tried[0]!.loss;
  const chosen = chooseSteps(
    tried,
    losses.map((tolerated) => floor + tolerated),
  );
  const rates = all.filter(({ step }) => chosen.has(step) || (way !== null && step === TRAINED_STEP));
  return { ...pruned(transform, rates, range), tried };
}

/** Standard deviation of the values about their channel's mean. */
function deviation(values: Float32Array, channels: number): number {
  const rows = values.length / channels;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let at = 0; at < values.length; at++) {
    sums[at % channels]! += values[at]!;
    squares[at % channels]! += values[at]! ** 2;
  }
  const variance = squares.reduce((sum, square, c) => sum + square / rows - (sums[c]! / rows) ** 2, 0);
  return Math.sqrt(Math.max(variance / channels, 1e-12));
}

function chooseTransform(values: Float32Array, shape: readonly number[], step: number): FittedTransform {
  const bitsOf = ({ transform, along }: FittedTransform): number => {
    const components = transform.basis.length / transform.mean.length;
    return entropyBits(fitRate(along, components, step), along.length / components);
  };
  let best = keepChannels(values, shape);
  let least = bitsOf(best);
  for (const block of blocksOf(shape)) {
    const fitted = fitTransform(values, shape, block);
    const bits = bitsOf(fitted);
    if (bits > WORTH * least) continue;
    [best, least] = [fitted, bits];
  }
  return best;
}

/** Of all blocks, by how often each number came. */
function entropyBits({ tables }: LinearRate, blocks: number): number {
  const shares = tables.flatMap(({ frequencies }) => [...frequencies].map((share) => share / TOTAL));
  return blocks * shares.reduce((sum, share) => sum - share * Math.log2(share), 0);
}

/** Coarsest first. */
function triedSteps(
  all: readonly LinearRate[],
  costs: readonly MeasuredCost[],
  exits: readonly string[],
): readonly TriedStep[] {
  const byExit = exits.map((exit) => neverRising(costs.map(({ expectedLoss }) => expectedLoss[exit]!)));
  return all.map(({ step }, at) => ({
    step,
    cost: costs[at]!,
    loss: Math.max(...byExit.map((losses) => losses[at]!)),
  }));
}

/** By loss that is tolerated the coarsest step; the finest where none keeps it. */
function chooseSteps(finestFirst: readonly TriedStep[], losses: readonly number[]): ReadonlySet<number> {
  const steps = losses.map((tolerated) => {
    const good = finestFirst.filter(({ loss }) => loss <= tolerated);
    return (good.at(-1) ?? finestFirst[0]!).step;
  });
  return new Set(steps);
}

/** Without the components that are not told even at the finest rate: nothing else changes. */
function pruned(
  transform: LinearTransform,
  rates: readonly LinearRate[],
  range: readonly [number, number],
): Omit<FittedLinear, "tried"> {
  const size = transform.mean.length;
  const speaks = rates.at(-1)!.tables.flatMap(({ frequencies }, at) => (frequencies.length > 1 ? [at] : []));
  const kept = speaks.length > 0 ? speaks : [0];
  const rows = kept.map((component) => transform.basis.subarray(component * size, (component + 1) * size));
  const basis = new Float32Array(kept.length * size);
  for (const [at, row] of rows.entries()) basis.set(row, at * size);
  const smaller = { ...transform, basis };
  const own = rates.map((rate) => keepComponents(rate, kept));
  return { transform: smaller, rates: own, coders: own.map((rate) => linearCoder(smaller, rate, range)) };
}

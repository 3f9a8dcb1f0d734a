/** All that decides a training of a codec beside the net and the photos. */
export interface CodecRecipe {
  /** How long it trains: in minutes, over all of its runs, or in epochs. */
  readonly length: { readonly minutes: number } | { readonly epochs: number };
  readonly batch: number;
  readonly seed: number;
  readonly latent: number;
  readonly decoderWidth: number;
  readonly decoderBlocks: number;
  /** Bytes of an image that the rate's weight is steered to. */
  readonly bytes: number;
  /** Peak of Adam's rate, and of how far a step of Muon turns a kernel. */
  readonly rate: number;
  readonly turn: number;
  /** Share of batches whose photos are mixed with one another, 0..1. */
  readonly mixing: number;
  /** Weights in the loss: of the decoded tensor's error, and of the labels' cross entropy at the last exit, 0 for none. */
  readonly tensorWeight: number;
  readonly labelWeight: number;
  /** Share of the averaged weights that a step keeps. */
  readonly averaging: number;
}

export const CODEC_RECIPE: CodecRecipe = {
  length: { epochs: 20 },
  batch: 64,
  seed: 1,
  latent: 32,
  decoderWidth: 128,
  decoderBlocks: 3,
  bytes: 720,
  rate: 0.002,
  turn: 0.006,
  mixing: 0.4,
  tensorWeight: 0.5,
  labelWeight: 0.2,
  averaging: 0.997,
};

/** Steps that the rate takes to rise to its peak. */
const WARMUP_STEPS = 100;
/** Share of the training until which the bytes that are steered to fall, and from which on their weight is held. */
const FALLEN = 0.45;
const HELD = 0.93;
/** Bytes that are steered to at first, as a multiple of those at last. */
const FIRST_BYTES = 2.5;
/** Share of the training from which on the last exit is run, all that is decoded is rounded, and nothing is mixed. */
const LAST_EXIT = 0.7;
const ROUNDED = 0.8;
const UNMIXED = 0.9;
/**
 * Views: sides as shares of the whole, and the least area of their crops, until when. What is seen in a crop of such
 * an area is about as large as in the whole photo.
 */
const VIEWS = [
  { until: 0.6, side: 0.6, leastCrop: 0.2 },
  { until: 0.9, side: 0.8, leastCrop: 0.35 },
  { until: 1, side: 1, leastCrop: 0.7 },
] as const;
const LAST_RATE = 0.01;

/** What a step does, by how much of the training is done. */
export interface Phase {
  /** Of the peak rates, 0..1. */
  readonly share: number;
  readonly bytes: number;
  readonly isHeld: boolean;
  readonly hasLastExit: boolean;
  readonly isRounded: boolean;
  readonly mixing: number;
  /** Of the views, as a share of the whole. */
  readonly side: number;
  /** Least area of a random crop, 0..1 of the photo. */
  readonly leastCrop: number;
}

/**
 * @param done of the training, 0..1
 * @param step from 0
 */
export function phaseAt({ bytes, mixing }: CodecRecipe, done: number, step: number): Phase {
  const { side, leastCrop } = VIEWS.find(({ until }) => done < until) ?? VIEWS.at(-1)!;
  const cosine = LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, done)));
  return {
    share: cosine * Math.min(1, (step + 1) / WARMUP_STEPS),
    bytes: bytes * FIRST_BYTES ** Math.max(0, 1 - done / FALLEN),
    isHeld: done >= HELD,
    hasLastExit: done >= LAST_EXIT,
    isRounded: done >= ROUNDED,
    mixing: done < UNMIXED ? mixing : 0,
    side,
    leastCrop,
  };
}

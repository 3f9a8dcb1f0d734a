/** Everything that, with the seed and the photos, decides a training run. */
export interface Recipe {
  /** The model whose weights it began with, and its version; random ones without it. */
  readonly startedFrom?: string;
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  /** Of what convolutions compute and pass on; weights, statistics and losses are float32 anyway. */
  readonly precision: "float32" | "bfloat16";
  /** Peak of the learning rate. */
  readonly rate: number;
  /** Peak of how far a step of Muon turns the kernel of a convolution, as a share of its length; 0 for none. */
  readonly turn: number;
  readonly momentum: number;
  /** Added to the gradient of kernels, not of norms and biases. */
  readonly weightDecay: number;
  /** Label smoothing, 0..1. */
  readonly smoothing: number;
  readonly warmupEpochs: number;
  /** What the epochs see, in their order: small images first (progressive resizing). */
  readonly phases: readonly Phase[];
  /** Share of the batches whose photos are mixed with one another, by CutMix and mixup in turn, 0..1. */
  readonly mixing: number;
  /** Share of the epochs after which nothing is mixed any more, 0..1. */
  readonly mixingUntil: number;
  /** Share of an earlier exit's target that is the last exit's own answer (self-distillation), 0..1. */
  readonly distillation: number;
  /** Bytes of an image that a codec, trained along in the network's detour, is steered to; none without it. */
  readonly codecBytes?: number;
  /** Share of the averaged weights that a step keeps (exponential moving average), 0..1. */
  readonly averaging: number;
}

/** Some epochs on images of one size. */
export interface Phase {
  /** Of the epochs, beside the shares of the other phases. */
  readonly share: number;
  /** The rate begins anew with this share of its peak (warm restart), 0..1; it goes on falling, if not given. */
  readonly restart?: number;
  /**
   * Share of every exit's target that is what all exits say together, each with its weight in the loss (exit-ensemble
   * distillation, arXiv:2104.00299), 0..1; without it earlier exits learn from the last one (`distillation`).
   */
  readonly together?: number;
  /** Height and width of the images. */
  readonly size: number;
  /** Least area of a random crop, 0..1 of the photo. */
  readonly leastCrop: number;
}

/** What a model's own weights are trained on by: what follows its recipe's last warm restart, or all of it without one. */
export function anotherCycle(recipe: Recipe): Recipe {
  const last = recipe.phases.findLastIndex(({ restart }) => restart !== undefined);
  const phases = recipe.phases.slice(Math.max(0, last));
  return {
    ...recipe,
    phases,
    epochs: Math.round((recipe.epochs * shareOf(phases)) / shareOf(recipe.phases)),
  };
}

export type Views = Pick<Phase, "size" | "leastCrop">;

/** What every architecture starts from. */
export const BASE_RECIPE: Omit<Recipe, "phases"> = {
  epochs: 40,
  batch: 64,
  seed: 1,
  precision: "float32",
  rate: 0.06,
  turn: 0,
  momentum: 0.9,
  weightDecay: 5e-4,
  smoothing: 0.1,
  warmupEpochs: 2,
  mixing: 0,
  mixingUntil: 0.8,
  distillation: 0.3,
  averaging: 0.998,
};

/**
 * Share of the peak rate: linear warm-up, then half a cosine down to zero, again after each warm restart
 * (arXiv:1608.03983), which needs no warm-up.
 *
 * @param progress epochs done, fractional
 */
export function learningShare(recipe: Recipe, progress: number): number {
  const { start, end, peak } = cycleAt(recipe, progress);
  const warmup = start === 0 ? Math.min(recipe.warmupEpochs, end / 4) : 0;
  const done = progress - start;
  if (done < warmup) return peak * Math.max(done / warmup, 0.02);
  const through = Math.min(1, (done - warmup) / (end - start - warmup));
  return (peak * (1 + Math.cos(Math.PI * through))) / 2;
}

/** From one warm restart to the next, in epochs. */
function cycleAt(
  { epochs, phases }: Recipe,
  progress: number,
): { readonly start: number; readonly end: number; readonly peak: number } {
  let cycle = { start: 0, end: epochs, peak: 1 };
  const starts = startsOf(epochs, phases);
  for (const [at, { restart }] of phases.entries()) {
    if (restart === undefined) continue;
    const start = starts[at]!;
    if (start > progress) return { ...cycle, end: start };
    cycle = { start, end: epochs, peak: restart };
  }
  return cycle;
}

/** What an epoch sees; the last one always what the last phase says. */
export function viewsOf(recipe: Recipe, epoch: number): Views {
  const { size, leastCrop } = phaseOf(recipe, epoch);
  return { size, leastCrop };
}

/** What exits learn from beside the labels. */
export interface Teaching {
  /** The last exit, which learns from the labels alone, or all of them together. */
  readonly teacher: "last" | "all";
  /** Share of the target that is the teacher's answer, 0..1. */
  readonly share: number;
}

export function teachingOf(recipe: Recipe, epoch: number): Teaching {
  const { together } = phaseOf(recipe, epoch);
  return together === undefined
    ? { teacher: "last", share: recipe.distillation }
    : { teacher: "all", share: together };
}

function phaseOf({ epochs, phases }: Recipe, epoch: number): Phase {
  const starts = startsOf(epochs, phases);
  return phases.findLast((_, at) => starts[at]! <= epoch)!;
}

function shareOf(phases: readonly Phase[]): number {
  return phases.reduce((sum, { share }) => sum + share, 0);
}

/** The epoch that each phase begins with. */
function startsOf(epochs: number, phases: readonly Phase[]): readonly number[] {
  const total = shareOf(phases);
  let before = 0;
  return phases.map(({ share }) => {
    const start = Math.floor((epochs * before) / total + 1e-9);
    before += share;
    return start;
  });
}

/** Share of an epoch's batches that are mixed. */
export function mixingOf({ epochs, mixing, mixingUntil }: Recipe, epoch: number): number {
  return epoch < Math.floor(epochs * mixingUntil) ? mixing : 0;
}

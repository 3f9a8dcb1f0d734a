/** Everything that, with the seed and the photos, decides a training run. */
export interface Recipe {
  readonly epochs: number;
  readonly batch: number;
  readonly seed: number;
  /** Peak of the learning rate. */
  readonly rate: number;
  readonly momentum: number;
  /** Added to the gradient of kernels, not of norms and biases. */
  readonly weightDecay: number;
  /** Label smoothing, 0..1. */
  readonly smoothing: number;
  readonly warmupEpochs: number;
  /** Share of the epochs that see photos at three quarters of the size (progressive resizing). */
  readonly smallShare: number;
  /** Least area of a random crop, 0..1 of the photo: at the small size, and at the full one. */
  readonly leastCrop: readonly [number, number];
}

export const DEFAULT_RECIPE: Recipe = {
  epochs: 34,
  batch: 64,
  seed: 1,
  rate: 0.06,
  momentum: 0.9,
  weightDecay: 5e-4,
  smoothing: 0.1,
  warmupEpochs: 2,
  smallShare: 0.83,
  leastCrop: [0.35, 0.6],
};

/**
 * Learning rate: linear warm-up, then half a cosine down to zero.
 *
 * @param progress epochs done, fractional
 */
export function learningRate(recipe: Recipe, progress: number): number {
  const warmup = Math.min(recipe.warmupEpochs, recipe.epochs / 4);
  if (progress < warmup) return recipe.rate * Math.max(progress / warmup, 0.02);
  const through = Math.min(1, (progress - warmup) / (recipe.epochs - warmup));
  return (recipe.rate * (1 + Math.cos(Math.PI * through))) / 2;
}

export interface Views {
  /** Height and width of the images. */
  readonly size: number;
  readonly leastCrop: number;
}

/**
 * What an epoch sees: small images first (progressive resizing), then full ones, cropped less, as the
 * whole photos of validation are (FixRes, arXiv:1906.06423).
 *
 * @param fullSize the small size is a multiple of 8 near three quarters of it
 */
export function viewsOf(recipe: Recipe, fullSize: number, epoch: number): Views {
  const [smallCrop, fullCrop] = recipe.leastCrop;
  const small = epoch < Math.floor(recipe.epochs * recipe.smallShare);
  if (!small) return { size: fullSize, leastCrop: fullCrop };
  return { size: Math.round((fullSize * 0.75) / 8) * 8, leastCrop: smallCrop };
}

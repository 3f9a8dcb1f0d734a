import type { Tensor2D, Tensor4D } from "@tensorflow/tfjs";
import type { Random } from "#shared/random";
import type { Tf } from "../engine/native.ts";

/** Images and what they should be answered with: float32 [batch, size, size, 3] and [batch, classes]. */
export interface Examples {
  readonly images: Tensor4D;
  readonly wanted: Tensor2D;
}

/** Alpha = beta of mixup's distribution, near 0 and 1: most photos stay mostly themselves. */
const MIXUP_ALPHA = 0.2;

/**
 * Mixes every photo of a batch with the one at its mirrored place, by CutMix (arXiv:1905.04899: a rectangle
 * comes from the other) or mixup (arXiv:1710.09412: a weighted sum), and their targets by the same share.
 * One share and one rectangle serve the whole batch.
 *
 * @returns new tensors; those given stay the caller's
 */
export function mixed(tf: Tf, { images, wanted }: Examples, random: Random): Examples {
  const [, height, width] = images.shape;
  const mask = random() < 0.5 ? cutMask(height, width, random) : mixMask(random);
  const own = mask.values.reduce((sum, value) => sum + value, 0) / mask.values.length;
  return tf.tidy(() => {
    const keep = tf.tensor4d(mask.values, [1, mask.height, mask.width, 1]);
    const other = images.reverse(0);
    const mixedImages = other.add<Tensor4D>(images.sub(other).mul(keep));
    return { images: mixedImages, wanted: wanted.mul(own).add<Tensor2D>(wanted.reverse(0).mul(1 - own)) };
  });
}

/** Which share of each pixel is the photo's own. */
interface Mask {
  readonly height: number;
  readonly width: number;
  readonly values: Float32Array;
}

/** A rectangle of the photo's own aspect is cut out; its area is uniform in 0..1. */
function cutMask(height: number, width: number, random: Random): Mask {
  const side = Math.sqrt(random());
  const [y, x] = [random() * height, random() * width];
  const inside = (at: number, centre: number, all: number): boolean =>
    Math.abs(at + 0.5 - centre) < (side * all) / 2;
  const values = Float32Array.from({ length: height * width }, (_, i) =>
    inside(Math.floor(i / width), y, height) && inside(i % width, x, width) ? 0 : 1,
  );
  return { height, width, values };
}

function mixMask(random: Random): Mask {
  return { height: 1, width: 1, values: Float32Array.of(betaSample(MIXUP_ALPHA, random)) };
}

/** Jöhnk's sampler of the symmetric beta distribution, for alpha of at most 1. */
function betaSample(alpha: number, random: Random): number {
  for (;;) {
    const [x, y] = [random() ** (1 / alpha), random() ** (1 / alpha)];
    // Both may underflow to zero.
    if (x + y > 0 && x + y <= 1) return x / (x + y);
  }
}

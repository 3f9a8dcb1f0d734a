import type { Tensor4D } from "@tensorflow/tfjs";
import { randomFor } from "#shared/random";
import type { Tf } from "../engine/native.ts";
import type { Network } from "../train/architectures/index.ts";
import { modelVariables } from "../train/weights.ts";

/**
 * Gives the normalisations of an untrained network statistics and scales as training might leave
 * them, so that folding them is not trivial. Seeded.
 */
export function randomiseNorms(tf: Tf, network: Network, seed: number): void {
  for (const [i, { name, variable }] of modelVariables(network.model).entries()) {
    const spread = {
      gamma: [0.7, 1.3],
      beta: [-0.2, 0.4],
      moving_mean: [-0.3, 0.3],
      moving_variance: [0.5, 2],
    };
    const range = spread[name.slice(name.lastIndexOf("/") + 1) as keyof typeof spread];
    if (!range) continue;
    const [lo = 0, hi = 0] = range;
    const random = randomFor(seed, 2, i);
    const values = Float32Array.from({ length: variable.size }, () => lo + random() * (hi - lo));
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
  }
}

/** Seeded noise in -1..1 in place of photos: float32 [batch, size, size, 3] each. */
export function* noiseBatches(
  tf: Tf,
  size: number,
  batch: number,
  batches: number,
  seed: number,
): Generator<Tensor4D> {
  for (let i = 0; i < batches; i++) {
    const random = randomFor(seed, 3, i);
    const values = Float32Array.from({ length: batch * size * size * 3 }, () => 2 * random() - 1);
    yield tf.tensor4d(values, [batch, size, size, 3]);
  }
}

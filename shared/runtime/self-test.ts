import {
  add,
  dispose,
  fused,
  maxPool,
  mean,
  relu,
  softmax,
  type Tensor,
  type Tensor4D,
  tensor2d,
  tensor4d,
  tidy,
} from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { randomFrom } from "#shared/random";

/** What a run of the reference net on the active backend shows. */
export interface SelfTest {
  /** Largest absolute difference to the golden probabilities. */
  readonly maxError: number;
  /** Whether the backend computes rightly: `maxError` at most 1e-3, nothing but finite numbers. */
  readonly ok: boolean;
  /** Median time of one run with its result read back: a first measure of the device's speed. */
  readonly medianMs: number;
}

/** Probabilities of the reference net, computed in plain JavaScript (TF.js' `cpu` backend). */
const GOLDEN: readonly number[] = [
  0.21523094, 0.00749606, 0.00028545, 0.00604007, 0.00381426, 0.28747958, 0.00229264, 0.01121372, 0.09952175,
  0.36662558,
];

const TOLERANCE = 1e-3;

/**
 * Runs a small fixed residual net (11 MMAC: convolutions, pooling, addition, mean, softmax) on the active
 * TF.js backend, compares it with golden values and times it.
 *
 * @param now  a clock, in milliseconds
 * @param runs timed runs after two untimed ones, odd
 */
export async function selfTest(now: () => number, runs = 5): Promise<SelfTest> {
  const net = referenceNet();
  try {
    const scores = await net.run();
    if (scores.length !== GOLDEN.length) {
      throw new EddiError("internal", `self-test: expected ${GOLDEN.length} scores, got ${scores.length}`);
    }
    const maxError = GOLDEN.reduce((worst, value, i) => Math.max(worst, Math.abs(value - scores[i]!)), 0);
    await net.run();
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const start = now();
      await net.run();
      times.push(now() - start);
    }
    times.sort((a, b) => a - b);
    // A NaN among the scores makes every comparison false.
    return {
      maxError,
      ok: maxError <= TOLERANCE && scores.every(Number.isFinite),
      medianMs: times[runs >> 1]!,
    };
  } finally {
    net.dispose();
  }
}

/** Two residual blocks at 32x32x24 with seeded weights. */
function referenceNet(): { run(): Promise<Float32Array>; dispose(): void } {
  const random = randomFrom(20261123);
  const values = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, () => (random() * 2 - 1) * scale);
  const kernel = (inputs: number, outputs: number): Tensor4D =>
    tensor4d(values(9 * inputs * outputs, Math.sqrt(3 / (9 * inputs))), [3, 3, inputs, outputs]);
  const image = tensor4d(values(32 * 32 * 3, 1), [1, 32, 32, 3]);
  const kernels = [kernel(3, 24), kernel(24, 24), kernel(24, 24)];
  const dense = tensor2d(values(24 * 10, 1), [24, 10]);
  const held: Tensor[] = [image, ...kernels, dense];
  return {
    async run() {
      const scores = tidy(() => {
        const conv = (x: Tensor4D, at: number, activation?: "relu"): Tensor4D =>
          fused.conv2d({
            x,
            filter: kernels[at]!,
            strides: 1,
            pad: "same",
            ...(activation && { activation }),
          });
        const stem = conv(image, 0, "relu");
        const block = relu(add(stem, conv(conv(stem, 1, "relu"), 2)));
        const pooled = maxPool(block as Tensor4D, 2, 2, "same");
        return softmax(fused.matMul({ a: mean(pooled, [1, 2]), b: dense }));
      });
      try {
        return (await scores.data()) as Float32Array;
      } finally {
        scores.dispose();
      }
    },
    dispose: () => dispose(held),
  };
}

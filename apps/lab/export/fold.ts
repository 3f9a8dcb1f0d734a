/** A linear layer: y = x * kernel + bias. */
export interface Linear {
  /** The last axis (for a depthwise kernel the last two) counts the output channels. */
  readonly kernel: Float32Array;
  /** float32 [output channels] */
  readonly bias: Float32Array;
}

/** Batch normalisation at inference; every array is float32 [channels]. */
export interface Norm {
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
  readonly epsilon: number;
}

/**
 * One linear layer that does what the layer and the normalisation after it did.
 *
 * Output channels are the fastest axis of the kernel, so its channel is index modulo their number.
 */
export function foldNorm({ kernel, bias }: Linear, norm: Norm): Linear {
  const channels = bias.length;
  const scale = Float64Array.from(norm.gamma, (gamma, c) => {
    return gamma / Math.sqrt((norm.variance[c] as number) + norm.epsilon);
  });
  return {
    kernel: kernel.map((weight, i) => weight * (scale[i % channels] as number)),
    bias: bias.map((value, c) => {
      return (value - (norm.mean[c] as number)) * (scale[c] as number) + (norm.beta[c] as number);
    }),
  };
}

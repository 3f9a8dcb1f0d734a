import type { GradConfig, Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import { nativeBackend, type OpAttr, type Tf } from "./native.ts";

export interface BatchNormInputs {
  /** float32 [batch, height, width, channels] */
  readonly x: Tensor4D;
  readonly gamma: Tensor1D;
  readonly beta: Tensor1D;
  readonly movingMean: Tensor1D;
  readonly movingVariance: Tensor1D;
}

/**
 * Batch normalisation in training, as TensorFlow's one fused operation with its fused gradient.
 * tf.layers spells the same out in a dozen full-size element-wise operations.
 *
 * @param momentum share of the moving statistics that is kept, 0..1
 * @param onStatistics receives the new moving mean and variance; it must not dispose them
 * @returns float32, the shape of x; differentiable in x, gamma and beta
 */
export function trainBatchNorm(
  tf: Tf,
  inputs: BatchNormInputs,
  momentum: number,
  epsilon: number,
  onStatistics: (mean: Tensor1D, variance: Tensor1D) => void,
): Tensor4D {
  const backend = nativeBackend(tf);
  const { binding } = backend;
  const attrs: OpAttr[] = [
    { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: "U", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: "epsilon", type: binding.TF_ATTR_FLOAT, value: epsilon },
    { name: "data_format", type: binding.TF_ATTR_STRING, value: "NHWC" },
    { name: "is_training", type: binding.TF_ATTR_BOOL, value: true },
  ];
  const averaging = { name: "exponential_avg_factor", type: binding.TF_ATTR_FLOAT, value: 1 - momentum };
  const { movingMean, movingVariance } = inputs;
  const normalise = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as unknown as [Tensor, Tensor, Tensor, (saved: Tensor[]) => void];
    const outputs = backend.executeMultipleOutputs(
      "FusedBatchNormV3",
      [...attrs, averaging],
      [x, gamma, beta, movingMean, movingVariance],
      6,
    );
    const [y, mean, variance, ...reserved] = outputs as [Tensor, Tensor1D, Tensor1D, Tensor, Tensor, Tensor];
    onStatistics(mean, variance);
    save([x, gamma, ...reserved]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor[] => {
      const all = backend.executeMultipleOutputs("FusedBatchNormGradV3", attrs, [dy, ...saved], 5);
      return all.slice(0, 3);
    };
    return { value: y, gradFunc };
  });
  return normalise(inputs.x, inputs.gamma, inputs.beta) as Tensor4D;
}

/** Makes the gradient of ReLU TensorFlow's one operation, for the whole process. */
export function useNativeReluGradient(tf: Tf): void {
  const { binding } = nativeBackend(tf);
  const attrs = [{ name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }];
  const config: GradConfig = {
    kernelName: "Relu",
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({
      x: () => nativeBackend(tf).executeSingleOutput("ReluGrad", attrs, [dy as Tensor, y as Tensor]),
    }),
  };
  tf.registerGradient(config);
}

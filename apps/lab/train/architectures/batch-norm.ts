import type { layers, Shape, Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../../engine/native.ts";
import { trainBatchNorm } from "../../engine/native-ops.ts";

type Layer = layers.Layer;
type LayerVariable = ReturnType<Layer["addWeight"]>;

export interface BatchNormOptions {
  readonly name: string;
  /** Start with a scale of zero: what comes out is zero until training raises it. */
  readonly zeroGamma: boolean;
}

/** Steers all normalisations of one network. */
export interface NormControl {
  /** Share of the moving statistics that one batch in training leaves, 0..1. */
  momentum: number;
}

/** The share in training. */
export const NORM_MOMENTUM = 0.97;

/** Added to a variance. */
export const EPSILON = 1e-3;

interface Weights {
  readonly gamma: LayerVariable;
  readonly beta: LayerVariable;
  readonly mean: LayerVariable;
  readonly variance: LayerVariable;
}

/**
 * Makes normalisation layers whose training step is one native operation, which tf.layers' own is
 * not. The class stands inside as its base comes with the TF.js instance.
 */
export function batchNormMaker(tf: Tf, control: NormControl): (options: BatchNormOptions) => Layer {
  class FastBatchNorm extends tf.layers.Layer {
    static readonly className = "FastBatchNorm";
    readonly #zeroGamma: boolean;
    #built: Weights | undefined;

    constructor({ name, zeroGamma }: BatchNormOptions) {
      super({ name });
      this.#zeroGamma = zeroGamma;
    }

    override build(inputShape: Shape | Shape[]): void {
      const shape = [(inputShape as Shape).at(-1) as number];
      const { zeros, ones } = tf.initializers;
      this.#built = {
        gamma: this.addWeight("gamma", shape, "float32", this.#zeroGamma ? zeros() : ones()),
        beta: this.addWeight("beta", shape, "float32", zeros()),
        mean: this.addWeight("moving_mean", shape, "float32", zeros(), undefined, false),
        variance: this.addWeight("moving_variance", shape, "float32", ones(), undefined, false),
      };
      this.built = true;
    }

    override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
      return inputShape;
    }

    /** The exporter reads the epsilon here. */
    override getConfig() {
      return { ...super.getConfig(), epsilon: EPSILON };
    }

    override call(inputs: Tensor | Tensor[], { training }: { readonly training?: boolean }): Tensor {
      const x = [inputs].flat()[0] as Tensor4D;
      const { gamma, beta, mean, variance } = this.#built as Weights;
      const now = {
        x,
        gamma: gamma.read() as Tensor1D,
        beta: beta.read() as Tensor1D,
        movingMean: mean.read() as Tensor1D,
        movingVariance: variance.read() as Tensor1D,
      };
      if (!training) return tf.batchNorm(x, now.movingMean, now.movingVariance, now.beta, now.gamma, EPSILON);
      return trainBatchNorm(tf, now, control.momentum, EPSILON, (newMean, newVariance) => {
        mean.write(newMean);
        variance.write(newVariance);
      });
    }
  }
  return (options) => new FastBatchNorm(options);
}

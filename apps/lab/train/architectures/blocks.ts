import type { layers, SymbolicTensor, Tensor, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../../engine/native.ts";
import { batchNormMaker, type NormControl } from "./batch-norm.ts";
import { asNarrowAs, convolveLike, widen } from "./bfloat16.ts";
import { type DetourControl, detourMaker } from "./detour.ts";

type Layer = layers.Layer;

export interface ConvOptions {
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
}

/** Layers which name themselves and draw their initial weights from one seed. */
export interface Blocks {
  /** Convolution (SAME, no bias), batch normalisation and ReLU. */
  convBnRelu(x: SymbolicTensor, name: string, options: ConvOptions): SymbolicTensor;
  /** The same without ReLU; with `quiet` it starts as zero, so that its residual block starts as identity. */
  convBn(
    x: SymbolicTensor,
    name: string,
    options: ConvOptions & { readonly quiet?: boolean },
  ): SymbolicTensor;
  /** Depthwise convolution (SAME, no bias), batch normalisation and ReLU. */
  depthwise(x: SymbolicTensor, name: string, options: Omit<ConvOptions, "filters">): SymbolicTensor;
  /** The later one of two tensors, which a codec of the earlier one may stand in for while it is trained along. */
  detour(from: SymbolicTensor, to: SymbolicTensor, name: string): SymbolicTensor;
  relu(x: SymbolicTensor, name: string): SymbolicTensor;
  add(x: SymbolicTensor, y: SymbolicTensor, name: string): SymbolicTensor;
  concat(xs: readonly SymbolicTensor[], name: string): SymbolicTensor;
  maxPool(x: SymbolicTensor, name: string, size: number, stride: number): SymbolicTensor;
  /** Stride 1, SAME. */
  averagePool(x: SymbolicTensor, name: string, size: number): SymbolicTensor;
  flatten(x: SymbolicTensor, name: string): SymbolicTensor;
  denseRelu(x: SymbolicTensor, name: string, units: number): SymbolicTensor;
  /** A dense layer. Returns logits; the exporter adds the softmax. */
  logits(x: SymbolicTensor, name: string, classes: number): SymbolicTensor;
  /** Global average pooling and a dense layer. Returns logits; the exporter adds the softmax. */
  classifier(x: SymbolicTensor, name: string, classes: number): SymbolicTensor;
}

/** @param seed of the initial weights */
export function makeBlocks(
  tf: Tf,
  seed: number,
  norms: NormControl,
  detours: DetourControl = { take: null },
): Blocks {
  const batchNorm = batchNormMaker(tf, norms);
  let drawn = 0;
  const nextSeed = (): number => seed * 1000 + ++drawn;
  const one = (result: unknown): SymbolicTensor => result as SymbolicTensor;

  const conv = (x: SymbolicTensor, name: string, { filters, kernel, stride = 1 }: ConvOptions) => {
    const layer = tf.layers.conv2d({
      name,
      filters,
      kernelSize: kernel,
      strides: stride,
      padding: "same",
      useBias: false,
      kernelInitializer: tf.initializers.heNormal({ seed: nextSeed() }),
    });
    // The layer's own call is a fused operation whose gradient always includes that of the input,
    // for the image too. Plain conv2d computes only what is asked for.
    layer.call = (inputs) => {
      const features = [inputs].flat()[0] as Tensor4D;
      const weights = layer.weights[0]?.read() as Tensor4D;
      return convolveLike(tf, features, weights, (from, kernel) => tf.conv2d(from, kernel, stride, "same"));
    };
    return one(layer.apply(x));
  };
  const depthwiseConv = (
    x: SymbolicTensor,
    name: string,
    { kernel, stride = 1 }: { kernel: number; stride?: number },
  ) => {
    const layer = tf.layers.depthwiseConv2d({
      name,
      kernelSize: kernel,
      strides: stride,
      padding: "same",
      useBias: false,
      depthwiseInitializer: tf.initializers.heNormal({ seed: nextSeed() }),
    });
    // As above.
    layer.call = (inputs) => {
      const features = [inputs].flat()[0] as Tensor4D;
      const weights = asNarrowAs(tf, layer.weights[0]?.read() as Tensor4D, features);
      return tf.depthwiseConv2d(features, weights, stride, "same");
    };
    return one(layer.apply(x));
  };
  const dense = (x: SymbolicTensor, name: string, units: number, activation: "linear" | "relu") => {
    const initializer = activation === "relu" ? tf.initializers.heNormal : tf.initializers.glorotUniform;
    const kernelInitializer = initializer({ seed: nextSeed() });
    return one(tf.layers.dense({ name, units, activation, kernelInitializer }).apply(x));
  };
  /** Dense layers and what they say are float32, whatever comes before. */
  const widening = <T extends Layer>(layer: T): T => {
    const call = layer.call.bind(layer);
    layer.call = (inputs, options) => call(widen(tf, [inputs].flat()[0] as Tensor), options);
    return layer;
  };
  const convBn: Blocks["convBn"] = (x, name, options) => {
    const norm = batchNorm({ name: `${name}/norm`, zeroGamma: options.quiet ?? false });
    return one(norm.apply(conv(x, name, options)));
  };
  const relu: Blocks["relu"] = (x, name) => one(tf.layers.activation({ name, activation: "relu" }).apply(x));

  return {
    convBn,
    relu,
    detour: detourMaker(tf, detours),
    depthwise: (x, name, options) => {
      const norm = batchNorm({ name: `${name}/norm`, zeroGamma: false });
      return relu(one(norm.apply(depthwiseConv(x, name, options))), `${name}/relu`);
    },
    convBnRelu: (x, name, options) => relu(convBn(x, name, options), `${name}/relu`),
    add: (x, y, name) => one(tf.layers.add({ name }).apply([x, y])),
    concat: (xs, name) => one(tf.layers.concatenate({ name }).apply([...xs])),
    maxPool: (x, name, size, stride) =>
      one(tf.layers.maxPooling2d({ name, poolSize: size, strides: stride, padding: "same" }).apply(x)),
    averagePool: (x, name, size) =>
      one(tf.layers.averagePooling2d({ name, poolSize: size, strides: 1, padding: "same" }).apply(x)),
    flatten: (x, name) => one(widening(tf.layers.flatten({ name })).apply(x)),
    denseRelu: (x, name, units) => dense(x, name, units, "relu"),
    logits: (x, name, classes) => dense(x, `${name}/logits`, classes, "linear"),
    classifier: (x, name, classes) => {
      const pool = tf.layers.globalAveragePooling2d({ name: `${name}/pool`, dataFormat: "channelsLast" });
      return dense(one(widening(pool).apply(x)), `${name}/logits`, classes, "linear");
    },
  };
}

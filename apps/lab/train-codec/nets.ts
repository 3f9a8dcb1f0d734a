import type { Tensor, Tensor1D, Tensor4D, Variable } from "@tensorflow/tfjs";
import { randomFor } from "#shared/random";
import type { Tf } from "../engine/native.ts";
import type { NamedVariable } from "../train/weights.ts";

/** A convolution with a bias, and what becomes of its output: `x + relu(conv)`, `relu(x + conv)` and the like. */
export interface Convolution {
  /** Behind the tensor's name and `encoder/` or `decoder/`. */
  readonly name: string;
  /** Side of the square kernel. */
  readonly side: 1 | 3;
  readonly stride: 1 | 2;
  readonly channels: number;
  readonly filters: number;
  /** Whether a ReLU follows at once. */
  readonly relu: boolean;
  /** What is added then: the output of the convolution of that name. */
  readonly adds?: string;
  /** Whether a ReLU follows that sum. */
  readonly reluSum?: boolean;
  /** Standard deviation of its first kernel, as a multiple of He's. */
  readonly gain: number;
}

/** Layers of both nets, and the shapes between them. */
export interface Layout {
  readonly encoder: readonly Convolution[];
  readonly decoder: readonly Convolution[];
}

export interface LayoutOptions {
  /** Channels of the tensor that is encoded, and of the one that is decoded. */
  readonly from: number;
  readonly to: number;
  /** Filters of the strided convolutions, first to last; of a single plain one where the sides are alike. */
  readonly widths: readonly number[];
  /** Whether the sides are halved by them. */
  readonly isStrided: boolean;
  readonly latent: number;
  readonly decoderWidth: number;
  readonly decoderBlocks: number;
  /** Whether the decoded tensor holds nothing below 0. */
  readonly isRectified: boolean;
}

/** Both nets: all that the decoder does, it does on the small map. */
export function layoutOf(options: LayoutOptions): Layout {
  const { from, to, widths, isStrided, latent, decoderWidth: width, decoderBlocks, isRectified } = options;
  const stride = isStrided ? 2 : 1;
  const before = [from, ...widths];
  const last = widths.at(-1)!;
  const top = `conv${widths.length}`;
  const plain = { stride: 1, relu: true, gain: 1 } as const;
  const encoder: Convolution[] = [
    ...widths.map((filters, at) => {
      return {
        ...plain,
        name: `conv${at + 1}`,
        side: 3 as const,
        stride,
        channels: before[at]!,
        filters,
      } as const;
    }),
    { ...plain, name: "residual", side: 3, channels: last, filters: last, adds: top, gain: 0.5 },
    { ...plain, name: "latent", side: 1, channels: last, filters: latent, relu: false, gain: 1.5 },
  ];
  const blocks = Array.from({ length: decoderBlocks }, (_, at): readonly Convolution[] => {
    const input = at === 0 ? "conv" : `block${at}/conv2`;
    const both = { ...plain, side: 3, channels: width, filters: width } as const;
    return [
      { ...both, name: `block${at + 1}/conv1` },
      { ...both, name: `block${at + 1}/conv2`, relu: false, adds: input, reluSum: true, gain: 0.3 },
    ];
  });
  const decoder: Convolution[] = [
    { ...plain, name: "conv", side: 3, channels: latent, filters: width, gain: 0.4 },
    ...blocks.flat(),
    { ...plain, name: "decoded", side: 1, channels: width, filters: to, relu: isRectified, gain: 0.3 },
  ];
  return { encoder, decoder };
}

/** The variables of both nets. */
export interface CodecNets {
  readonly layout: Layout;
  readonly variables: readonly NamedVariable[];
  /** Lengths of the kernels as He's initialisation has them, by name: what steps are measured by. */
  readonly lengths: Map<string, number>;
  /** @param x float32 [batch, height, width, channels] @returns the latent tensor, not rounded */
  encode(x: Tensor4D): Tensor4D;
  decode(latent: Tensor4D): Tensor4D;
  variable(name: string): Variable;
}

export function makeNets(tf: Tf, layout: Layout, seed: number): CodecNets {
  const lengths = new Map<string, number>();
  const parts = [
    ...layout.encoder.map((one) => [`encoder/${one.name}`, one] as const),
    ...layout.decoder.map((one) => [`decoder/${one.name}`, one] as const),
  ];
  const variables = parts.flatMap(([name, { side, channels, filters, gain }], at) => {
    const deviation = Math.sqrt(2 / (side * side * channels));
    const shape = [side, side, channels, filters];
    lengths.set(`${name}/kernel`, deviation * Math.sqrt(side * side * channels * filters));
    const first = tf.randomNormal(shape, 0, gain * deviation, "float32", randomFor(seed, 7, at)() * 2 ** 31);
    const kernel = tf.variable(first, true);
    first.dispose();
    const zeros = tf.zeros([filters]);
    const bias = tf.variable(zeros, true);
    zeros.dispose();
    return [
      { name: `${name}/kernel`, variable: kernel },
      { name: `${name}/bias`, variable: bias },
    ];
  });
  const byName = new Map(variables.map(({ name, variable }) => [name, variable]));
  const variable = (name: string): Variable => byName.get(name)!;
  const run = (part: "encoder" | "decoder", x: Tensor4D): Tensor4D => {
    const done = new Map<string, Tensor>();
    let last: Tensor = x;
    for (const { name, stride, relu, adds, reluSum } of layout[part]) {
      const kernel = variable(`${part}/${name}/kernel`) as unknown as Tensor4D;
      const bias = variable(`${part}/${name}/bias`) as unknown as Tensor1D;
      let y: Tensor = tf.conv2d(last as Tensor4D, kernel, stride, "same").add(bias);
      if (relu) y = y.relu();
      if (adds !== undefined) y = y.add(done.get(adds)!);
      if (reluSum) y = y.relu();
      done.set(name, y);
      last = y;
    }
    return last as Tensor4D;
  };
  return {
    layout,
    variables,
    lengths,
    encode: (x) => run("encoder", x),
    decode: (latent) => run("decoder", latent),
    variable,
  };
}

import { BIAS_ONLY, FLOAT, NHWC } from "../export/linear-nodes.ts";
import { packShard, type WeightShard } from "../export/shards.ts";
import { codecFile } from "../fit-codec/store-codec.ts";
import { type GraphNode, intsAttr, stringAttr, stringsAttr } from "../graph-model/node-def.ts";
import type { NamedValues } from "../train/weights.ts";
import type { Convolution, Layout } from "./nets.ts";

/** Both nets as they are stored: nodes beside the model's own, and a shard of weights each. */
export interface StoredNets {
  /** Those of the encoder, then those of the decoder. */
  readonly nodes: readonly GraphNode[];
  readonly shards: readonly WeightShard[];
}

/** A net that is written: what it reads, and the sides of that. */
interface Start {
  readonly input: string;
  readonly sides: readonly number[];
}

/**
 * Nodes `TENSOR/encoder/...`, the last of which is `latent`, and `TENSOR/decoder/...`, of which `decoded`; kernels in half
 * precision.
 *
 * @param tensor that the encoder reads
 * @param sides  height and width of it
 * @param values of the variables of both nets
 */
export function netNodes(
  tensor: string,
  sides: readonly number[],
  { encoder, decoder }: Layout,
  values: readonly NamedValues[],
): StoredNets {
  const byName = new Map(values.map((one) => [one.name, one]));
  const first = partNodes(tensor, "encoder", encoder, { input: tensor, sides }, byName);
  const latent = first.at(-1)!;
  const start = { input: latent.name, sides: latent.shape.slice(0, 2) };
  const second = partNodes(tensor, "decoder", decoder, start, byName);
  const shards = (
    [
      ["encoder", first],
      ["decoder", second],
    ] as const
  ).map(([part, nodes]) => {
    return packShard(
      codecFile(tensor, `-${part}`),
      nodes.flatMap(({ constants }) => constants),
      "float16",
    );
  });
  return { nodes: [...first, ...second], shards };
}

function partNodes(
  tensor: string,
  part: string,
  layers: readonly Convolution[],
  start: Start,
  values: ReadonlyMap<string, NamedValues>,
): GraphNode[] {
  const nodes: GraphNode[] = [];
  /** By layer: the node that gives its output. */
  const given = new Map<string, string>();
  let { input, sides } = start;
  for (const layer of layers) {
    const name = `${tensor}/${part}/${layer.name}`;
    sides = sides.map((side) => Math.ceil(side / layer.stride));
    const shape = [...sides, layer.filters];
    nodes.push(
      convolutionNode(name, input, shape, layer, (kind) => values.get(`${part}/${layer.name}/${kind}`)!),
    );
    let output = name;
    if (layer.adds !== undefined) {
      const inputs = [output, given.get(layer.adds)!];
      output = `${name}/add`;
      nodes.push({ name: output, op: "AddV2", inputs, constants: [], attr: FLOAT, shape });
    }
    if (layer.reluSum) {
      const inputs = [output];
      output = `${name}/relu`;
      nodes.push({ name: output, op: "Relu", inputs, constants: [], attr: FLOAT, shape });
    }
    given.set(layer.name, output);
    input = output;
  }
  return nodes;
}

function convolutionNode(
  name: string,
  input: string,
  shape: readonly number[],
  { stride, relu }: Convolution,
  valuesOf: (kind: "kernel" | "bias") => NamedValues,
): GraphNode {
  const constants = (["kernel", "bias"] as const).map((kind) => {
    const { shape, values } = valuesOf(kind);
    return { name: `${name}/${kind}`, dtype: "float32" as const, shape, values };
  });
  return {
    name,
    op: "_FusedConv2D",
    inputs: [input, ...constants.map((one) => one.name)],
    constants,
    attr: {
      ...FLOAT,
      ...NHWC,
      ...BIAS_ONLY,
      fused_ops: stringsAttr(["BiasAdd", ...(relu ? ["Relu"] : [])]),
      strides: intsAttr([1, stride, stride, 1]),
      padding: stringAttr("SAME"),
      dilations: intsAttr([1, 1, 1, 1]),
      explicit_paddings: { list: {} },
    },
    shape,
  };
}

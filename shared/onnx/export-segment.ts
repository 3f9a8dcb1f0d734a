import { type BytesOf, weightsOf } from "#shared/exporting";
import { everyNode, type Model, type Precision, type Segment, type TensorInfo } from "#shared/model";
import { OPERATIONS } from "./operations/table.ts";
import { scalesOf } from "./writing/quantisation.ts";
import { ELEMENT_TYPES } from "./writing/schema.ts";
import { cannotExport, SegmentWriter } from "./writing/segment-writer.ts";

/** What the ONNX model is, where it is not as in TF.js. */
export interface ExportOptions {
  /** Of the inputs: uint8 is what the codec of that name sends, over each tensor's range; float32 where it is absent. */
  readonly inputs?: "float32" | "uint8";
  /**
   * What is computed in: int8 quantises weights by output channel and activations over the ranges of the metadata; float32
   * where it is absent.
   */
  readonly precision?: Precision;
  /** What the outputs are called, in the segment's order. */
  readonly outputs?: readonly string[];
}

/**
 * Writes a segment as an ONNX model. Its inputs and outputs are called and shaped as in TF.js: float32, batch first, then
 * height, width and channels of maps.
 *
 * @returns the file
 * @throws EddiError `bad-model` naming the operation that cannot be written, `bad-weights` when weights are missing
 */
export function exportSegment(
  model: Model,
  segment: Segment,
  bytesOf: BytesOf,
  { inputs = "float32", precision = "fp32", outputs: called = segment.outputs }: ExportOptions = {},
): Uint8Array {
  const { id, tensors } = model.metadata;
  const weights = weightsOf(model, segment, bytesOf);
  const scales = precision === "int8" ? scalesOf(model, segment) : new Map();
  const writer = new SegmentWriter(model, weights, [...segment.feeds, ...called], scales);
  for (const name of segment.feeds) {
    writer.put(name, inputs === "uint8" ? decoded(name, tensors[name]!, writer) : name, "given");
  }
  const wanted = new Set(segment.nodes);
  for (const node of everyNode(model)) {
    if (!wanted.has(node.name)) continue;
    const write = OPERATIONS.get(node.op);
    if (write === undefined) throw cannotExport(node, `expected one of ${[...OPERATIONS.keys()].join(", ")}`);
    write(node, writer);
  }
  return writer.graph.finish(
    id,
    segment.feeds.map((name) => ({ name, type: inputs, shape: tensors[name]!.shape })),
    segment.outputs.map((name, at) => ({
      name: called[at]!,
      type: "float32",
      shape: tensors[name]!.shape,
      value: writer.read(name, "given"),
    })),
  );
}

/** 0 is the low end of the tensor's range, 255 its high one. */
function decoded(name: string, { range: [low, high] }: TensorInfo, { graph }: SegmentWriter): string {
  const numbers = graph.add("Cast", [name], name, { to: ELEMENT_TYPES.float32 });
  const scaled = graph.add("Mul", [numbers, graph.number(`${name}/scale`, (high - low) / 255)], name);
  return graph.add("Add", [scaled, graph.number(`${name}/offset`, low)], name);
}

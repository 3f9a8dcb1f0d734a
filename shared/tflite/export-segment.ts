import { type BytesOf, weightsOf } from "#shared/exporting";
import { everyNode, type Model, type Segment } from "#shared/model";
import { OPERATIONS } from "./operations/table.ts";
import { cannotExport, SegmentWriter } from "./writing/segment-writer.ts";

/**
 * Writes a segment as a TFLite model of one image. Its inputs and outputs are called, ordered and shaped as in TF.js:
 * float32, [1, height, width, channels] of maps.
 *
 * @returns the file
 * @throws EddiError `bad-model` naming the operation that cannot be written, `bad-weights` when weights are missing
 */
export function exportSegment(model: Model, segment: Segment, bytesOf: BytesOf): Uint8Array {
  const writer = new SegmentWriter(model, weightsOf(model, segment, bytesOf));
  const inputs = segment.feeds.map((name) => writer.feed(name));
  const wanted = new Set(segment.nodes);
  for (const node of everyNode(model)) {
    if (!wanted.has(node.name)) continue;
    const write = OPERATIONS.get(node.op);
    if (write === undefined) throw cannotExport(node, `expected one of ${[...OPERATIONS.keys()].join(", ")}`);
    write(node, writer);
  }
  return writer.finish(model.metadata.id, inputs, segment.outputs);
}

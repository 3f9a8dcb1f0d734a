import { EddiError } from "#shared/errors";
import { type Model, type Segment, shardsFor } from "#shared/model";
import { OPERATIONS } from "./operations/table.ts";
import { cannotExport, SegmentWriter } from "./writing/segment-writer.ts";
import { readWeights, type Weight } from "./writing/weights.ts";

/**
 * Writes a segment as an ONNX model. Its inputs and outputs are called and shaped as in TF.js: float32, batch first, then
 * height, width and channels of maps.
 *
 * @param bytesOf a shard's bytes by its path, as they were verified; undefined where they are not there
 * @returns the file
 * @throws EddiError `bad-model` naming the operation that cannot be written, `bad-weights` when weights are missing
 */
export function exportSegment(
  model: Model,
  segment: Segment,
  bytesOf: (path: string) => Uint8Array | undefined,
): Uint8Array {
  const { id } = model.metadata;
  const writer = new SegmentWriter(model, weightsOf(model, segment, bytesOf), [
    ...segment.feeds,
    ...segment.outputs,
  ]);
  const port = (name: string) => ({ name, shape: model.metadata.tensors[name]!.shape });
  for (const name of segment.feeds) writer.put(name, name, "given");
  const wanted = new Set(segment.nodes);
  for (const node of model.nodes) {
    if (!wanted.has(node.name)) continue;
    const write = OPERATIONS.get(node.op);
    if (write === undefined) throw cannotExport(node, `expected one of ${[...OPERATIONS.keys()].join(", ")}`);
    write(node, writer);
  }
  const outputs = segment.outputs.map((name) => ({ ...port(name), value: writer.read(name, "given") }));
  return writer.graph.finish(id, segment.feeds.map(port), outputs);
}

function weightsOf(
  model: Model,
  { nodes }: Segment,
  bytesOf: (path: string) => Uint8Array | undefined,
): ReadonlyMap<string, Weight> {
  const found = new Map<string, Weight>();
  for (const shard of shardsFor(model, nodes)) {
    const bytes = bytesOf(shard.path);
    if (bytes === undefined) {
      throw new EddiError("bad-weights", `${shard.path}: expected its weights, not loaded`);
    }
    for (const [name, weight] of readWeights(shard, bytes)) found.set(name, weight);
  }
  return found;
}

import { EddiError } from "#shared/errors";
import { type Model, readModel, type Segment } from "#shared/model";
import { decodeTensor, type Parameters, type WireTensor } from "#shared/protocol";
import { SegmentModel, type TensorValues } from "#shared/runtime";
import type { ModelFiles } from "../models/registry.ts";
import { decodeImages } from "./decode-images.ts";

/** TF.js keeps what it compiled for a segment for ever: after so many, the model is opened anew. */
const MAX_SEGMENTS = 512;

/** A model of which any tail can be run, on the active TF.js backend. */
export class TailModel {
  readonly model: Model;
  private readonly files: ModelFiles;
  private readonly maxSegments: number;
  private segments: SegmentModel;
  private readonly compiled = new Set<string>();

  constructor(files: ModelFiles, maxSegments = MAX_SEGMENTS) {
    this.files = files;
    this.maxSegments = maxSegments;
    this.model = readModel(files.json);
    this.segments = this.open();
  }

  /**
   * @param tensors in the order of `segment.feeds`
   * @returns in the order of `segment.outputs`
   * @throws EddiError `bad-tensor` when a tensor is not the model's, or leads to scores that are not finite;
   *   `bad-image` for an image that is broken or of another size
   */
  async run(
    segment: Segment,
    tensors: readonly WireTensor[],
    parameters: Parameters,
  ): Promise<TensorValues[]> {
    const feeds = await Promise.all(tensors.map((tensor) => this.decode(tensor, parameters)));
    this.bound(segment);
    const outputs = await this.segments.runValues(segment, feeds);
    for (const [at, { values }] of outputs.entries()) {
      const bad = values.find((value) => !Number.isFinite(value));
      if (bad === undefined) continue;
      const message = `${segment.outputs[at]}: expected tensors that lead to finite scores, got ${bad}`;
      throw new EddiError("bad-tensor", message);
    }
    return outputs;
  }

  private async decode(tensor: WireTensor, parameters: Parameters): Promise<TensorValues> {
    const { input, tensors } = this.model.metadata;
    if (tensor.datatype === "BYTES" && tensor.name === input.node) {
      return decodeImages(tensor, input, tensors[input.node]!, parameters);
    }
    return decodeTensor(tensor, tensors[tensor.name]!, parameters);
  }

  private bound(segment: Segment): void {
    const key = JSON.stringify([segment.feeds, segment.outputs]);
    if (this.compiled.size >= this.maxSegments && !this.compiled.has(key)) {
      this.segments.dispose();
      this.segments = this.open();
      this.compiled.clear();
    }
    this.compiled.add(key);
  }

  private open(): SegmentModel {
    const segments = new SegmentModel(this.model);
    for (const [at, shard] of this.model.shards.entries()) segments.addShard(shard, this.files.shards[at]!);
    return segments;
  }
}

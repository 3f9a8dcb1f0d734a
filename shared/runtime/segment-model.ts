import { GraphModel } from "@tensorflow/tfjs-converter";
import { io, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { everyNode, type Model, type Segment, type Shard, verifyShard, type WeightSpec } from "#shared/model";

/** Values of one tensor, for one image or a batch. */
export interface TensorValues {
  /** With the batch axis. */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What runs segments of a model, on TF.js or otherwise: as `SegmentModel` says. */
export interface SegmentRunner {
  readonly model: Model;
  prepare(segment: Segment): Promise<void>;
  run(segment: Segment, feeds: readonly Tensor[]): Tensor[] | Promise<Tensor[]>;
  runValues(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]>;
}

/**
 * A GraphModel whose weights arrive shard by shard, and of which any segment can be run. It runs on
 * whatever TF.js backend is active: the caller chooses it before opening.
 */
export class SegmentModel implements SegmentRunner {
  readonly model: Model;
  private readonly graph: GraphModel<io.IOHandlerSync>;
  private readonly held = new Set<string>();

  constructor(model: Model) {
    this.model = model;
    const { modelTopology, signature } = model.topology;
    const artifacts: io.ModelArtifacts = {
      format: "graph-model",
      modelTopology,
      weightSpecs: [],
      weightData: new ArrayBuffer(0),
      ...(signature === undefined ? {} : { signature: signature as object }),
    };
    try {
      this.graph = new GraphModel({ load: () => artifacts });
      this.graph.load();
    } catch (thrown) {
      throw toEddiError(thrown, "bad-model");
    }
  }

  /** Paths of the shards whose weights are there. */
  get shards(): ReadonlySet<string> {
    return this.held;
  }

  /**
   * Adds the weights of a shard after checking its size and hash. Adding one twice does nothing.
   *
   * @throws EddiError `bad-weights` when the bytes are not the shard's
   */
  addShard(shard: Shard, bytes: Uint8Array): void {
    if (this.held.has(shard.path)) return;
    verifyShard(shard, bytes);
    // A copy of its own: the bytes may be a view of something larger.
    const { buffer } = new Uint8Array(bytes);
    const decoded = io.decodeWeights(buffer, shard.weights as unknown as io.WeightsManifestEntry[]);
    for (const [name, weight] of Object.entries(decoded)) this.graph.weights[name] = [weight];
    this.held.add(shard.path);
  }

  /**
   * Runs a segment. Input and output tensors are the caller's to dispose, all others are freed.
   *
   * @param feeds one tensor for each of `segment.feeds`, in that order, batch axis first
   * @returns one tensor for each of `segment.outputs`; one that was fed comes back as a clone
   * @throws EddiError `bad-weights` when weights are missing
   */
  run(segment: Segment, feeds: readonly Tensor[]): Tensor[] {
    const fed = new Map(segment.feeds.map((name, at) => [name, feeds[at]!]));
    const computed = segment.outputs.filter((name) => !fed.has(name));
    this.checkWeights(segment);
    // A name with its output index never collides with a key of the signature.
    const named = Object.fromEntries([...fed].map(([name, value]) => [`${name}:0`, value]));
    return tidy(() => {
      const outputs = computed.map((name) => `${name}:0`);
      const results = outputs.length === 0 ? [] : this.graph.execute(named, outputs);
      const list = Array.isArray(results) ? results : [results];
      return segment.outputs.map((name) => fed.get(name)?.clone() ?? list[computed.indexOf(name)]!);
    });
  }

  /** Makes one image's run as fast as it will be, before it is timed. Weights are there. */
  async prepare(_segment: Segment): Promise<void> {}

  /**
   * Runs a segment on plain values and reads the results back.
   *
   * @throws EddiError as `run`
   */
  async runValues(segment: Segment, feeds: readonly TensorValues[]): Promise<TensorValues[]> {
    const inputs = feeds.map(({ shape, values }) => tensor(values, [...shape], "float32"));
    try {
      const outputs = this.run(segment, inputs);
      try {
        return await Promise.all(
          outputs.map(async (output) => ({
            shape: output.shape,
            values: (await output.data()) as Float32Array,
          })),
        );
      } finally {
        for (const output of outputs) output.dispose();
      }
    } finally {
      for (const input of inputs) input.dispose();
    }
  }

  /** Frees all weights. */
  dispose(): void {
    this.graph.dispose();
  }

  private checkWeights(segment: Segment): void {
    const wanted = new Set(segment.nodes);
    for (const node of everyNode(this.model)) {
      if (!wanted.has(node.name)) continue;
      const missing = node.weights.find((name) => this.graph.weights[name] === undefined);
      if (missing === undefined) continue;
      const shard = this.model.shards.find((one) => one.weights.some((w: WeightSpec) => w.name === missing));
      throw new EddiError(
        "bad-weights",
        `${node.name}: expected shard ${shard?.path} (${missing}), not loaded`,
      );
    }
  }
}

import type { LinearCoder } from "#shared/codecs";
import { EddiError, toEddiError } from "#shared/errors";
import { codersIn, type Model, readModel, type Segment } from "#shared/model";
import { decodeTensor, type Parameters, type WireTensor } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";
import type { LoadedModel, Running } from "../../engines/index.ts";
import type { ModelFiles } from "../models/registry.ts";
import { badScores } from "../tails/bad-scores.ts";
import { joinImages, sliceImages } from "../tails/portions.ts";
import type { BatchItem, ItemResult } from "../worker-messages/tail-messages.ts";
import { decodeImages } from "./decode-images.ts";

/** Far beyond every activation, and far below where float32 ends: trained layers do not make up the difference. */
const HUGE = 1e12;

/** Engines keep what they compiled for a segment for ever: after so many, the model is opened anew. */
const MAX_SEGMENTS = 512;

/** What a request's tensor holds: of a learned codec what its decoder has yet to be run on. */
interface Decoded {
  readonly values: TensorValues;
  readonly decoder: Segment | null;
}

/** A model of which any tail can be run, on an engine. */
export class TailModel {
  readonly model: Model;
  private readonly files: ModelFiles;
  private readonly maxSegments: number;
  private readonly load: Running["load"];
  private readonly tell: (message: string) => void;
  /** By tensor: of the codec that was fitted to it. */
  private readonly coders: ReadonlyMap<string, readonly LinearCoder[]>;
  private segments: LoadedModel;
  private readonly compiled = new Set<string>();

  /** @param tell what the log should say of it later */
  constructor(
    files: ModelFiles,
    load: Running["load"],
    maxSegments = MAX_SEGMENTS,
    tell: (message: string) => void = () => {},
  ) {
    this.files = files;
    this.load = load;
    this.maxSegments = maxSegments;
    this.tell = tell;
    this.model = readModel(files.json);
    this.segments = this.open();
    const fitted = this.model.shards.map((shard, at) => codersIn(this.model, shard, files.shards[at]!));
    this.coders = new Map(fitted.flatMap((one) => (one === null ? [] : [[one.name, one.coders]])));
  }

  /**
   * Runs the items as one batch. One that cannot be decoded, or whose scores are not finite, fails alone.
   *
   * @returns for each item its outputs or its error: `bad-tensor` when a tensor is not the model's, or leads to scores
   *   that are not finite; `bad-scores` where these are not although the tensors are in order; `bad-image` for an image that is broken or of another size
   */
  async run(segment: Segment, items: readonly BatchItem[]): Promise<ItemResult[]> {
    const read = await Promise.all(items.map((item) => this.decodeItem(item)));
    const good = read.filter((one): one is Decoded[] => Array.isArray(one));
    if (good.length === 0) return read as ItemResult[];
    const feeds = await this.throughDecoders(good);
    const outputs = await this.runTogether(segment, feeds);
    let at = 0;
    return read.map((one) => (Array.isArray(one) ? checked(segment, feeds[at]!, outputs[at++]!) : one));
  }

  /** As of `LoadedModel`. */
  async opened(): Promise<void> {
    await this.segments.opened?.();
  }

  /** As of `LoadedModel`: of a tail, and of the decoders that these items need. */
  isStandIn(segment: Segment, items: readonly BatchItem[]): boolean {
    const decoders = items.flatMap(({ tensors }) =>
      tensors.flatMap((tensor) => this.decoderOf(tensor) ?? []),
    );
    return [segment, ...decoders].some((one) => this.segments.isStandIn?.(one) ?? false);
  }

  dispose(): void {
    this.segments.dispose();
  }

  private async decodeItem({ tensors, parameters }: BatchItem): Promise<Decoded[] | ItemResult> {
    try {
      return await Promise.all(tensors.map((tensor) => this.decode(tensor, parameters)));
    } catch (thrown) {
      return failure(thrown);
    }
  }

  private async decode(tensor: WireTensor, parameters: Parameters): Promise<Decoded> {
    const { input, tensors } = this.model.metadata;
    if (tensor.datatype === "BYTES" && tensor.name === input.node) {
      const image = await decodeImages(tensor, input, tensors[input.node]!, parameters);
      return { values: image, decoder: null };
    }
    const decoder = this.decoderOf(tensor);
    const expected = tensors[decoder?.feeds[0] ?? tensor.name]!;
    const values = decodeTensor(tensor, expected, parameters, this.coders.get(tensor.name));
    return { values, decoder };
  }

  /** What a tail begins with: each decoder runs once, on what all items brought for it. */
  private async throughDecoders(items: readonly (readonly Decoded[])[]): Promise<TensorValues[][]> {
    const all = items.flat();
    const made = new Map(all.map((one) => [one, one.values]));
    for (const decoder of new Set(all.map((one) => one.decoder))) {
      if (decoder === null) continue;
      const latents = all.filter((one) => one.decoder === decoder);
      const feeds = latents.map(({ values }) => [values]);
      const outputs = await this.runTogether(decoder, feeds);
      for (const [at, latent] of latents.entries()) made.set(latent, outputs[at]![0]!);
    }
    return items.map((one) => one.map((decoded) => made.get(decoded)!));
  }

  /**
   * Runs a segment once.
   *
   * @param items for each the feeds
   * @returns for each the outputs
   */
  private async runTogether(
    segment: Segment,
    items: readonly (readonly TensorValues[])[],
  ): Promise<TensorValues[][]> {
    this.bound(segment);
    const feeds = segment.feeds.map((_, at) => joinImages(items.map((item) => item[at]!)));
    const outputs = await this.segments.runValues(segment, feeds);
    let from = 0;
    return items.map((item) => {
      const images = item[0]!.shape[0]!;
      const own = outputs.map((output) => sliceImages(output, from, images));
      from += images;
      return own;
    });
  }

  /** Null where what the tensor holds is the tail's own. */
  private decoderOf({ name, datatype }: WireTensor): Segment | null {
    return (datatype === "BYTES" ? this.model.detours.get(name)?.decoder : undefined) ?? null;
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

  private open(): LoadedModel {
    const segments = this.load(this.model, this.tell);
    for (const [at, shard] of this.model.shards.entries()) segments.addShard(shard, this.files.shards[at]!);
    return segments;
  }
}

function checked(
  { outputs: names }: Segment,
  feeds: readonly TensorValues[],
  outputs: readonly TensorValues[],
): ItemResult {
  for (const [at, { values }] of outputs.entries()) {
    const bad = values.find((value) => !Number.isFinite(value));
    if (bad === undefined) continue;
    if (!feeds.some(isHuge)) return failure(badScores(names[at]!, bad));
    const message = `${names[at]}: expected tensors that lead to finite scores, got ${bad}`;
    return failure(new EddiError("bad-tensor", message));
  }
  return { outputs };
}

/** Finite, but so large that what a model makes of it need not be. */
function isHuge({ values }: TensorValues): boolean {
  return values.some((value) => Math.abs(value) > HUGE);
}

function failure(thrown: unknown): ItemResult {
  const { code, message } = toEddiError(thrown);
  return { code, message };
}

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
    const decoded = await Promise.all(items.map((item) => this.decodeItem(item)));
    const good = decoded.filter((one): one is TensorValues[] => Array.isArray(one));
    if (good.length === 0) return decoded as ItemResult[];
    this.bound(segment);
    const feeds = segment.feeds.map((_, at) => joinImages(good.map((feeds) => feeds[at]!)));
    const outputs = await this.segments.runValues(segment, feeds);
    let from = 0;
    return decoded.map((one): ItemResult => {
      if (!Array.isArray(one)) return one;
      const images = one[0]!.shape[0]!;
      const own = outputs.map((output) => sliceImages(output, from, images));
      from += images;
      return checked(segment, one, own);
    });
  }

  /** As of `LoadedModel`. */
  async opened(): Promise<void> {
    await this.segments.opened?.();
  }

  /** As of `LoadedModel`. */
  isStandIn(segment: Segment): boolean {
    return this.segments.isStandIn?.(segment) ?? false;
  }

  dispose(): void {
    this.segments.dispose();
  }

  private async decodeItem({ tensors, parameters }: BatchItem): Promise<TensorValues[] | ItemResult> {
    try {
      return await Promise.all(tensors.map((tensor) => this.decode(tensor, parameters)));
    } catch (thrown) {
      return failure(thrown);
    }
  }

  private async decode(tensor: WireTensor, parameters: Parameters): Promise<TensorValues> {
    const { detours, metadata } = this.model;
    const { input, tensors } = metadata;
    if (tensor.datatype === "BYTES" && tensor.name === input.node) {
      return decodeImages(tensor, input, tensors[input.node]!, parameters);
    }
    const coders = this.coders.get(tensor.name);
    const detour = tensor.datatype === "BYTES" ? detours.get(tensor.name) : undefined;
    if (detour === undefined) return decodeTensor(tensor, tensors[tensor.name]!, parameters, coders);
    const { decoder } = detour;
    const latent = decodeTensor(tensor, tensors[decoder.feeds[0]!]!, parameters, coders);
    this.bound(decoder);
    const [decoded] = await this.segments.runValues(decoder, [latent]);
    return decoded!;
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

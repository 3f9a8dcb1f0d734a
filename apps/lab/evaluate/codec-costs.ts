import { type Tensor, tensor } from "@tensorflow/tfjs-core";
import {
  anyCodec,
  FITTED_CODECS,
  IMAGE_CODECS,
  type ImageCodecName,
  isFittedCodec,
  isImageCodec,
  type LinearCoder,
  TENSOR_CODECS,
  tensorCodec,
} from "#shared/codecs";
import {
  type CodecCost,
  type Exit,
  type Model,
  type Segment,
  sameCodec,
  type TensorInfo,
  USUAL_QUALITY,
  type WireCodec,
} from "#shared/model";
import { decodeTensor, encodeTensor } from "#shared/protocol";
import type { SegmentModel } from "#shared/runtime";
import { decodeImageFile, encodeImageFile } from "../data/image-file.ts";
import type { Photos } from "../data/photos.ts";
import { type CodecWay, codedBy, codedOnTheWay } from "./codec-way.ts";
import { calibratedRows, expectClasses, inputBatch } from "./exit-scores.ts";
import { type CodedBatch, type MeasuredCost, Tally } from "./tally.ts";

/** Qualities of image codecs that are tried. */
export const QUALITIES: readonly number[] = Array.from({ length: 15 }, (_, at) => 20 + 5 * at);

const BATCH = 25;

/** What it costs to send each tensor, by codec; of image codecs by every quality that was tried. */
export type MeasuredCodecs = Readonly<Record<string, readonly MeasuredCost[]>>;

/**
 * Measures every tensor that may cross, under every codec that needs no fitting: bytes, deflated bytes (of every fourth photo), and the
 * top-1 of every exit behind it when that tensor alone travels so. Tensors that no cut vertex produces cross
 * together with others: these travel as float32 here.
 *
 * All tensors of a batch are computed once, with photos of whole pixels as the page has them; then, for each
 * codec that loses something, only what lies behind the tensor.
 *
 * @throws EddiError `bad-argument` for a model whose exits name no classes
 */
export async function measureCodecs(
  segments: SegmentModel,
  photos: Photos,
  onProgress: (share: number) => void = () => {},
): Promise<MeasuredCodecs> {
  return measureSome(segments, photos, () => true, onProgress);
}

/**
 * Beside losses on photos to choose on, those on photos that no choice has seen. A codec that cannot hold the values
 * of these is left out.
 *
 * @param chosen measured before; what they hold alone is measured
 * @throws EddiError as `measureCodecs`
 */
export async function withReported(
  segments: SegmentModel,
  photos: Photos,
  chosen: MeasuredCodecs,
  onProgress: (share: number) => void = () => {},
): Promise<MeasuredCodecs> {
  const isChosen = (name: string, coding: Coding): boolean =>
    chosen[name]!.some((cost) => cost.codec === coding.codec && cost.quality === coding.quality);
  const measured = await measureSome(segments, photos, isChosen, onProgress);
  return besideReported(chosen, measured);
}

/** The first of both, with the losses of the second as those that are reported. */
export function besideReported(chosen: MeasuredCodecs, measured: MeasuredCodecs): MeasuredCodecs {
  return Object.fromEntries(
    Object.entries(chosen).map(([name, costs]) => {
      const both = costs.flatMap((cost) => {
        const found = measured[name]!.find((one) => sameCodec(one, cost));
        return found === undefined ? [] : [beside(cost, found)];
      });
      return [name, both];
    }),
  );
}

function beside<Cost extends CodecCost>(cost: Cost, { loss }: CodecCost): Cost {
  return anyCodec(cost.codec).isExact ? cost : { ...cost, reported: loss };
}

function measureSome(
  segments: SegmentModel,
  photos: Photos,
  isWanted: (name: string, coding: Coding) => boolean,
  onProgress: (share: number) => void,
): Promise<MeasuredCodecs> {
  const { model } = segments;
  const crossing = model.dag.names.filter((_, node) => model.dag.successors[node]!.length > 0);
  const batches: Batches = (name, values, count) => {
    const codings = codingsOf(model, name).filter((coding) => isWanted(name, coding));
    return codedBatches(model, name, values, count, codings, []);
  };
  return measure(segments, photos, crossing, batches, onProgress);
}

/**
 * The same of one tensor under a codec that was fitted to it.
 *
 * @param coders by rate
 * @param way    of a learned codec
 * @throws EddiError as `measureCodecs`
 */
export async function measureFitted(
  segments: SegmentModel,
  photos: Photos,
  name: string,
  coders: readonly LinearCoder[],
  way: CodecWay | null,
  onProgress: (share: number) => void = () => {},
): Promise<readonly MeasuredCost[]> {
  const batches: Batches = (_, values, count) =>
    way === null
      ? codedBatches(segments.model, name, values, count, ratesOf(coders), coders)
      : codedOnTheWay(segments, way, values, count, coders);
  const measured = await measure(segments, photos, [name], batches, onProgress, way?.replaces);
  return measured[name]!.filter(({ deflate }) => !deflate);
}

/** What some photos' values of a tensor become. */
type Batches = (name: string, values: Float32Array, count: number) => AsyncGenerator<CodedBatch>;

async function measure(
  segments: SegmentModel,
  photos: Photos,
  names: readonly string[],
  batchesOf: Batches,
  onProgress: (share: number) => void,
  /** What comes back, where it is another tensor. */
  replaces?: string,
): Promise<MeasuredCodecs> {
  const { model } = segments;
  expectClasses(model.metadata);
  const tally = new Tally(model.metadata.exits.map(({ id }) => id));
  for (let start = 0; start < photos.count; start += BATCH) {
    const count = Math.min(BATCH, photos.count - start);
    const labels = photos.labels.subarray(start, start + count);
    const held = await runAll(segments, photos, start, count);
    try {
      await countExits(model, held, (exit, scores) =>
        tally.exact(exit.id, calibratedRows(scores, exit, scores.length / count), labels),
      );
      for (const [at, name] of names.entries()) {
        const values = (await held.get(name)!.data()) as Float32Array;
        for await (const coded of batchesOf(name, values, count)) {
          // Deflated by other threads while the model runs.
          const counted = tally.bytes(name, coded);
          if (coded.values === null) {
            await counted;
            continue;
          }
          const outputs = await runBehind(segments, replaces ?? name, coded.values, held);
          await countExits(model, outputs, (exit, scores) =>
            tally.coded(name, coded, exit.id, scores, labels),
          );
          for (const one of outputs.values()) one.dispose();
          await counted;
        }
        onProgress((start + (count * (at + 1)) / names.length) / photos.count);
      }
    } finally {
      for (const one of held.values()) one.dispose();
    }
  }
  return Object.fromEntries(
    names.map((name) => [name, tally.costs(name, exitsBehind(model, replaces ?? name))]),
  );
}

/** Every tensor of the model for some photos, its input first: of the image as whole pixels. */
export async function runAll(
  segments: SegmentModel,
  photos: Photos,
  start: number,
  count: number,
): Promise<Map<string, Tensor>> {
  const { metadata, dag } = segments.model;
  const { input } = metadata;
  const resized = inputBatch(photos, start, count, input);
  const values = (await resized.data()) as Float32Array;
  const pixels = toPixels(values, input.range);
  const image = tensor(fromPixels(pixels, input.range), resized.shape);
  resized.dispose();
  const nodes = dag.names.slice(1);
  const outputs = segments.run({ nodes, feeds: [input.node], outputs: nodes }, [image]);
  return new Map([[input.node, image], ...nodes.map((name, at) => [name, outputs[at]!] as const)]);
}

/** A batch of one tensor under several codecs, one after another. */
async function* codedBatches(
  model: Model,
  name: string,
  values: Float32Array,
  count: number,
  codings: readonly Coding[],
  coders: readonly LinearCoder[],
): AsyncGenerator<CodedBatch> {
  for (const coding of codings) {
    const coded = await codedBatch(model, name, values, count, coding, coders);
    if (coded !== null) yield coded;
  }
}

/** Those that need no fitting. */
function codingsOf({ metadata }: Model, name: string): readonly Coding[] {
  const tensors = TENSOR_CODECS.map((codec) => ({ codec }));
  if (name !== metadata.input.node) return tensors;
  const images = IMAGE_CODECS.flatMap((codec) => QUALITIES.map((quality) => ({ codec, quality })));
  return [...tensors, ...images];
}

const ratesOf = (coders: readonly LinearCoder[]): readonly Coding[] =>
  FITTED_CODECS.flatMap((codec) => coders.map((_, rate) => ({ codec, quality: rate + 1 })));

/** A codec, of images one of a quality. */
type Coding = Pick<WireCodec, "codec" | "quality">;

/**
 * A batch of one tensor under a codec. Values that lose nothing are null.
 *
 * @param coders by rate: of the codec that was fitted to the tensor
 * @returns null when the codec cannot hold them
 */
export async function codedBatch(
  { metadata }: Model,
  name: string,
  values: Float32Array,
  count: number,
  { codec, quality = USUAL_QUALITY }: Coding,
  coders: readonly LinearCoder[],
): Promise<CodedBatch | null> {
  const info = metadata.tensors[name]!;
  const { range } = metadata.input;
  const each = values.length / count;
  const images = Array.from({ length: count }, (_, at) => values.subarray(at * each, (at + 1) * each));
  if (isImageCodec(codec)) {
    const files = await Promise.all(images.map((one) => imageFile(one, info, range, codec, quality)));
    const pixels = await Promise.all(files.map((file) => decodeImageFile(file, info.shape.at(-1)!)));
    return { codec, quality, data: files, values: joined(pixels.map((one) => fromPixels(one, range))) };
  }
  if (isFittedCodec(codec)) {
    const coder = coders[quality - 1];
    return coder === undefined ? null : { codec, quality, ...codedBy(coder, values, count) };
  }
  const encoded = images.map((one) => encodeTensor(name, [1, ...info.shape], one, codec));
  const decoded = encoded.map(({ tensor, parameters }) => decodeTensor(tensor, info, parameters).values);
  const data = encoded.map(({ tensor }) => tensor.data);
  if (encoded.some((one) => one.codec !== codec)) return null;
  return { codec, data, values: tensorCodec(codec).isExact ? null : joined(decoded) };
}

function imageFile(
  values: Float32Array,
  { shape }: TensorInfo,
  range: readonly [number, number],
  codec: ImageCodecName,
  quality: number,
): Promise<Uint8Array> {
  const [height, width, channels] = shape as [number, number, number];
  return encodeImageFile(toPixels(values, range), { height, width, channels }, codec, quality);
}

/** What depends on a tensor, from that tensor and what was computed before: the exits behind it, by node. */
export async function runBehind(
  segments: SegmentModel,
  name: string,
  values: Float32Array,
  held: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const segment = behind(segments.model, name);
  const coded = tensor(values, held.get(name)!.shape);
  try {
    const outputs = segments.run(
      segment,
      segment.feeds.map((feed) => (feed === name ? coded : held.get(feed)!)),
    );
    return new Map(segment.outputs.map((output, at) => [output, outputs[at]!]));
  } finally {
    coded.dispose();
  }
}

/** The nodes that a tensor reaches, and what else these read. */
function behind({ dag, metadata }: Model, name: string): Segment {
  const reached = dag.names.map((one) => one === name);
  dag.names.forEach((_, node) => {
    if (dag.predecessors[node]!.some((from) => reached[from])) reached[node] = true;
  });
  const nodes = dag.names.filter((one, node) => reached[node] && one !== name);
  const feeds = dag.names.filter(
    (one, node) =>
      one === name || (!reached[node] && dag.successors[node]!.some((reader) => reached[reader])),
  );
  const outputs = metadata.exits.flatMap(({ node }) => (nodes.includes(node) ? [node] : []));
  return { nodes, feeds, outputs };
}

/** The exits that a tensor leads to, by id. */
export function exitsBehind(model: Model, name: string): readonly string[] {
  const { outputs } = behind(model, name);
  return model.metadata.exits.filter(({ node }) => outputs.includes(node)).map(({ id }) => id);
}

async function countExits(
  { metadata }: Model,
  outputs: ReadonlyMap<string, Tensor>,
  count: (exit: Exit, scores: Float32Array) => void,
): Promise<void> {
  for (const exit of metadata.exits) {
    const scores = outputs.get(exit.node);
    if (scores !== undefined) count(exit, (await scores.data()) as Float32Array);
  }
}

/** Loops, since `from` with a function takes fifty times as long. Storing rounds to the nearest, and clamps. */
function toPixels(values: Float32Array, [low, high]: readonly [number, number]): Uint8Array {
  const pixels = new Uint8ClampedArray(values.length);
  const scale = 255 / (high - low);
  for (let i = 0; i < values.length; i++) pixels[i] = (values[i]! - low) * scale;
  return new Uint8Array(pixels.buffer);
}

function fromPixels(pixels: Uint8Array, [low, high]: readonly [number, number]): Float32Array {
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) values[i] = low + (pixels[i]! * (high - low)) / 255;
  return values;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const each = parts[0]!.length;
  const all = new Float32Array(parts.length * each);
  for (const [at, part] of parts.entries()) all.set(part, at * each);
  return all;
}

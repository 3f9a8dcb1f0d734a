import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { add, image, mul, sum, type Tensor4D, tensor4d, tidy } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import {
  calibrated,
  type Exit,
  hasClasses,
  LUMA,
  type Model,
  type ModelInput,
  type ModelMetadata,
  outputKind,
  probabilitiesOf,
  type Segment,
  topClass,
} from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Labels, Photos } from "../data/photos.ts";
import { keepFile } from "../files/cache-file.ts";

/** What every exit says of the same labelled photos. */
export interface ExitScores {
  readonly classes: number;
  /** Class index of each photo. */
  readonly labels: Labels;
  /** By exit: probabilities, float32 [photos, classes]. */
  readonly scores: readonly Float32Array[];
}

const BATCH = 32;

/**
 * Runs all exits over all photos on the active backend: whole photos, resized to the model's input.
 *
 * @throws EddiError `bad-argument` for a model whose exits name no classes
 */
export function exitScores(segments: SegmentModel, photos: Photos): Promise<ExitScores> {
  return scoresBy(segments.model, photos, (every, images) =>
    Promise.all(
      segments.run(every, [images]).map(async (output) => {
        const values = (await output.data()) as Float32Array;
        output.dispose();
        return values;
      }),
    ),
  );
}

/**
 * The same, whoever runs them.
 *
 * @param run gives every exit's scores of a batch
 */
export async function scoresBy(
  { metadata, dag }: Model,
  photos: Photos,
  run: (every: Segment, images: Tensor4D) => Promise<readonly Float32Array[]>,
): Promise<ExitScores> {
  expectClasses(metadata);
  const classes = metadata.labels.length;
  const { node: image } = metadata.input;
  const every: Segment = {
    nodes: dag.names.filter((name) => name !== image),
    feeds: [image],
    outputs: metadata.exits.map((exit) => exit.node),
  };
  const scores = metadata.exits.map(() => new Float32Array(photos.count * classes));
  for (let start = 0; start < photos.count; start += BATCH) {
    const count = Math.min(BATCH, photos.count - start);
    const images = inputBatch(photos, start, count, metadata.input);
    for (const [exit, given] of (await run(every, images)).entries()) {
      scores[exit]!.set(probabilityRows(given, metadata.exits[exit]!, classes), start * classes);
    }
    images.dispose();
  }
  return { classes, labels: photos.labels, scores };
}

/**
 * The same, kept in the cache folder: what is stored in a model's metadata after measuring changes its version
 * but not its scores, so they are kept by graph, weights, photos and backend.
 */
export async function cachedExitScores(
  segments: SegmentModel,
  photos: Photos,
  { cacheDir, backend }: { readonly cacheDir: string; readonly backend: string },
): Promise<ExitScores> {
  const { metadata, shards, topology } = segments.model;
  const classes = metadata.labels.length;
  const hash = createHash("sha256").update(
    JSON.stringify([backend, metadata.input, metadata.exits.map(({ node }) => node)]),
  );
  hash.update(JSON.stringify(topology.modelTopology.node));
  for (const { sha256 } of shards) hash.update(sha256);
  hash.update(photos.pixels);
  const file = path.join(cacheDir, `scores-${hash.digest("hex").slice(0, 16)}.bin`);
  const each = photos.count * classes;
  const cached = await readFile(file).catch(() => null);
  if (cached?.byteLength === 4 * each * metadata.exits.length) {
    const values = new Float32Array(new Uint8Array(cached).buffer);
    const scores = metadata.exits.map((_, exit) => values.subarray(exit * each, (exit + 1) * each));
    return { classes, labels: photos.labels, scores };
  }
  const measured = await exitScores(segments, photos);
  await keepFile(
    file,
    measured.scores.map((one) => new Uint8Array(one.buffer)),
  );
  return measured;
}

/** The scores of the photos to choose on and of those to report on. */
export function scoreHalves(
  { classes, labels, scores }: ExitScores,
  isReported: readonly boolean[],
): { readonly chosenOn: ExitScores; readonly reportedOn: ExitScores } {
  const half = (wanted: boolean): ExitScores => {
    const photos = isReported.flatMap((one, photo) => (one === wanted ? [photo] : []));
    const own = labels.slice(0, photos.length);
    const halved = scores.map(() => new Float32Array(photos.length * classes));
    for (const [at, photo] of photos.entries()) {
      own[at] = labels[photo]!;
      scores.forEach((all, exit) => {
        halved[exit]!.set(all.subarray(photo * classes, (photo + 1) * classes), at * classes);
      });
    }
    return { classes, labels: own, scores: halved };
  };
  return { chosenOn: half(false), reportedOn: half(true) };
}

/** Some photos' scores as probabilities: of logits a softmax, row by row. */
export function probabilityRows(scores: Float32Array, exit: Exit, classes: number): Float32Array {
  if (outputKind(exit) !== "logits") return scores;
  const rows = Float32Array.from(scores);
  for (let start = 0; start < rows.length; start += classes) {
    rows.set(probabilitiesOf(scores.subarray(start, start + classes), exit), start);
  }
  return rows;
}

/** The same, in line with how often the exit is right. */
export function calibratedRows(scores: Float32Array, exit: Exit, classes: number): Float32Array {
  const rows = Float32Array.from(probabilityRows(scores, exit, classes));
  for (let start = 0; start < rows.length; start += classes) {
    rows.set(calibrated(rows.subarray(start, start + classes), exit.temperature ?? 1), start);
  }
  return rows;
}

/** @throws EddiError `bad-argument` for a model whose exits name no classes: they are neither right nor wrong */
export function expectClasses({ id, exits }: ModelMetadata): void {
  const other = exits.find((exit) => !hasClasses(exit));
  if (other === undefined) return;
  const came = `${other.id}, whose output is ${outputKind(other)}`;
  throw new EddiError("bad-argument", `${id}: expected exits that name one class, got ${came}`);
}

/** The class an exit picks for each photo. */
export function topClasses({ scores, classes, labels }: ExitScores, exit: number): number[] {
  return Array.from(labels, (_, photo) =>
    topClass(scores[exit]!.subarray(photo * classes, (photo + 1) * classes)),
  );
}

/** @returns float32 [count, height, width, channels] in the model's input range */
export function inputBatch(photos: Photos, start: number, count: number, input: ModelInput): Tensor4D {
  const each = photos.size * photos.size * 3;
  const pixels = Float32Array.from(photos.pixels.subarray(start * each, (start + count) * each));
  const [low, high] = input.range;
  return tidy(() => {
    const raw = tensor4d(pixels, [count, photos.size, photos.size, 3]);
    const fits = input.height === photos.size && input.width === photos.size;
    const sized = fits ? raw : image.resizeBilinear(raw, [input.height, input.width], false, true);
    const coloured = input.channels === 1 ? sum(mul(sized, [...LUMA]), 3, true) : sized;
    return add(mul(coloured, (high - low) / 255), low);
  });
}

/** All photos, one batch after another, the last one maybe smaller; each is the caller's to dispose. */
export function* inputBatches(photos: Photos, input: ModelInput, batch: number): Generator<Tensor4D> {
  for (let start = 0; start < photos.count; start += batch) {
    yield inputBatch(photos, start, Math.min(batch, photos.count - start), input);
  }
}

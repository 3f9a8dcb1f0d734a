import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Tensor4D, tensor4d } from "@tensorflow/tfjs-core";
import sharp from "sharp";
import { EddiError } from "#shared/errors";
import { elementCount, imageShape, luma, type ModelInput } from "#shared/model";
import { randomFor } from "#shared/random";
import { type DataSource, findPhotoFolder } from "../data/find-data.ts";
import { isImage } from "../data/list-images.ts";

/** Images in a model's input range, the same ones every time. */
export interface Images {
  /** What they are, for the card. */
  readonly kind: string;
  readonly count: number;
  /** Name of the folder that each lies in, by image; none for noise. */
  readonly folders: readonly string[];
  /** What an image is called, for messages. */
  nameOf(at: number): string;
  /** Files that were to be among them and do not decode. */
  readonly leftOut: readonly string[];
  /** Float values of images `start` to `start + count`, one after the other. */
  batch(start: number, count: number): Float32Array;
  /** The same in another range. */
  inRange(range: readonly [number, number]): Images;
  /** So many of them at most, evenly. */
  some(count: number): Images;
}

/** Decoded photos take this much memory at most: fewer are taken of large ones. */
const MOST_BYTES = 64 << 20;
/** But these. */
const LEAST_PHOTOS = 3;
const AT_ONCE = 8;

/**
 * Photos of a folder, else of Imagenette where it is found, else noise. Those that do not decode are left out.
 *
 * @param wanted how many at most
 * @throws EddiError `not-found` when a place was named that holds neither photos nor Imagenette; `bad-image` when no
 *   photo decodes
 */
export async function findImages(source: DataSource, input: ModelInput, wanted: number): Promise<Images> {
  const { dataOption } = source;
  const own = dataOption === undefined ? [] : await photosIn(dataOption);
  const folder = own.length > 0 ? null : await findPhotoFolder(source);
  const photos = folder === null ? own : await photosIn(path.join(folder, "train"));
  if (photos.length === 0) return noise(input, wanted);
  const most = Math.max(LEAST_PHOTOS, Math.floor(MOST_BYTES / (3 * input.height * input.width)));
  // Evenly over the folder, and so over its classes.
  const chosen = evenly(photos, Math.min(wanted, most));
  const decoded: Photo[] = [];
  const leftOut: string[] = [];
  for (let start = 0; start < chosen.length; start += AT_ONCE) {
    const files = chosen.slice(start, start + AT_ONCE);
    const pixels = await Promise.all(files.map((file) => decode(file, input)));
    for (const [at, file] of files.entries()) {
      const one = pixels[at];
      if (one == null) leftOut.push(file);
      else decoded.push({ pixels: one, file });
    }
  }
  if (decoded.length === 0) {
    throw new EddiError(
      "bad-image",
      `${leftOut[0]}: expected a photo, it does not decode, nor does any other`,
    );
  }
  return photoImages(decoded, folder === null ? "of the user's folder" : "of Imagenette", input, leftOut);
}

interface Photo {
  /** RGB, one byte each. */
  readonly pixels: Uint8Array;
  readonly file: string;
}

function photoImages(
  photos: readonly Photo[],
  from: string,
  input: ModelInput,
  leftOut: readonly string[],
): Images {
  return {
    kind: `${photos.length} photo${photos.length === 1 ? "" : "s"} ${from}`,
    count: photos.length,
    folders: photos.map(({ file }) => path.basename(path.dirname(file))),
    nameOf: (at) => path.basename(photos[at]?.file ?? ""),
    leftOut,
    batch: (start, size) => {
      const each = elementCount(imageShape(input));
      const values = new Float32Array(size * each);
      for (const [at, { pixels }] of photos.slice(start, start + size).entries()) {
        values.set(floatsOf(pixels, input), at * each);
      }
      return values;
    },
    inRange: (range) => photoImages(photos, from, { ...input, range }, leftOut),
    some: (count) => photoImages(evenly(photos, count), from, input, leftOut),
  };
}

/** Seeded noise over the whole range. */
export function noise(input: ModelInput, count: number): Images {
  const [low, high] = input.range;
  const each = elementCount(imageShape(input));
  return {
    kind: `${count} images of noise`,
    count,
    folders: [],
    nameOf: (at) => `noise ${at + 1}`,
    leftOut: [],
    batch: (start, size) => {
      const values = new Float32Array(size * each);
      for (let at = 0; at < size; at++) {
        const random = randomFor(SEED, start + at);
        for (let i = 0; i < each; i++) values[at * each + i] = low + random() * (high - low);
      }
      return values;
    },
    inRange: (range) => noise({ ...input, range }, count),
    some: (fewer) => noise(input, Math.min(count, fewer)),
  };
}

const SEED = 20261124;

/** Images `start` to `start + count` as a tensor, float32 [count, height, width, channels]. */
export function imageBatch(images: Images, input: ModelInput, start: number, count: number): Tensor4D {
  return tensor4d(images.batch(start, count), [count, ...imageShape(input)]);
}

function evenly<T>(items: readonly T[], wanted: number): readonly T[] {
  const count = Math.min(wanted, items.length);
  return Array.from({ length: count }, (_, at) => items[Math.floor((at * items.length) / count)] as T);
}

/** All photos below a folder, in the order of their names. */
async function photosIn(place: string): Promise<string[]> {
  const found = await stat(place).catch(() => null);
  if (found === null || !found.isDirectory()) return [];
  const names = await readdir(place, { recursive: true });
  return names
    .filter((name) => isImage(path.basename(name)))
    .sort()
    .map((name) => path.join(place, name));
}

/**
 * As the page does it: the largest part in the middle that has the input's sides, resized.
 *
 * @returns RGB, one byte each; null when it does not decode
 */
async function decode(file: string, { height, width }: ModelInput): Promise<Uint8Array | null> {
  const square = sharp(file).rotate().resize(width, height, { fit: "cover" });
  const raw = square.toColourspace("srgb").flatten({ background: "white" }).removeAlpha().raw();
  return raw.toBuffer().catch(() => null);
}

function floatsOf(pixels: Uint8Array, { height, width, channels, range }: ModelInput): Float32Array {
  const [low, high] = range;
  const scale = (high - low) / 255;
  if (channels !== 1) return Float32Array.from(pixels, (value) => low + value * scale);
  return Float32Array.from({ length: height * width }, (_, at) => {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(3 * at, 3 * at + 3);
    return low + luma(red, green, blue) * scale;
  });
}

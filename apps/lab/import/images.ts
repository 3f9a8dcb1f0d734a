import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { type Tensor4D, tensor4d } from "@tensorflow/tfjs-core";
import sharp from "sharp";
import { EddiError } from "#shared/errors";
import { elementCount, imageShape, luma, type ModelInput } from "#shared/model";
import { randomFor } from "#shared/random";
import { type DataSource, findPhotoFolder } from "../data/find-data.ts";

/** Images in a model's input range, the same ones every time. */
export interface Images {
  /** What they are, for the card. */
  readonly kind: string;
  readonly count: number;
  /** Float values of images `start` to `start + count`, one after the other. */
  batch(start: number, count: number): Promise<Float32Array>;
}

const PHOTO = /\.(jpe?g|png|webp)$/i;

/**
 * Photos of a folder, else of Imagenette where it is found, else noise.
 *
 * @param wanted how many at most
 * @throws EddiError `not-found` when a place was named that holds neither photos nor Imagenette
 */
export async function findImages(source: DataSource, input: ModelInput, wanted: number): Promise<Images> {
  const { dataOption } = source;
  const own = dataOption === undefined ? [] : await photosIn(dataOption);
  const folder = own.length > 0 ? null : await findPhotoFolder(source);
  const photos = folder === null ? own : await photosIn(path.join(folder, "train"));
  if (photos.length === 0) return noise(input, wanted);
  const count = Math.min(wanted, photos.length);
  // Evenly over the folder, and so over its classes.
  const chosen = Array.from(
    { length: count },
    (_, at) => photos[Math.floor((at * photos.length) / count)] as string,
  );
  const from = folder === null ? "of the user's folder" : "of Imagenette";
  return {
    kind: `${count} photos ${from}`,
    count,
    batch: async (start, size) => {
      const each = elementCount(imageShape(input));
      const values = new Float32Array(size * each);
      for (const [at, file] of chosen.slice(start, start + size).entries()) {
        values.set(await decode(file, input), at * each);
      }
      return values;
    },
  };
}

/** Seeded noise over the whole range. */
export function noise(input: ModelInput, count: number): Images {
  const [low, high] = input.range;
  const each = elementCount(imageShape(input));
  return {
    kind: `${count} images of noise`,
    count,
    batch: async (start, size) => {
      const values = new Float32Array(size * each);
      for (let at = 0; at < size; at++) {
        const random = randomFor(SEED, start + at);
        for (let i = 0; i < each; i++) values[at * each + i] = low + random() * (high - low);
      }
      return values;
    },
  };
}

const SEED = 20261124;

/** Images `start` to `start + count` as a tensor, float32 [count, height, width, channels]. */
export async function imageBatch(
  images: Images,
  input: ModelInput,
  start: number,
  count: number,
): Promise<Tensor4D> {
  const values = await images.batch(start, count);
  return tensor4d(values, [count, ...imageShape(input)]);
}

/** All photos below a folder, in the order of their names. */
async function photosIn(place: string): Promise<string[]> {
  const found = await stat(place).catch(() => null);
  if (found === null || !found.isDirectory()) return [];
  const names = await readdir(place, { recursive: true });
  return names
    .filter((name) => PHOTO.test(name))
    .sort()
    .map((name) => path.join(place, name));
}

/** As the page does it: the largest part in the middle that has the input's sides, resized. */
async function decode(file: string, input: ModelInput): Promise<Float32Array> {
  const { height, width, channels, range } = input;
  const square = sharp(file).rotate().resize(width, height, { fit: "cover" });
  const raw = square.toColourspace("srgb").flatten({ background: "white" }).removeAlpha().raw();
  const pixels = await raw.toBuffer().catch((cause: unknown) => {
    throw new EddiError("bad-image", `${file}: expected a photo, it does not decode`, { cause });
  });
  const [low, high] = range;
  const scale = (high - low) / 255;
  if (channels !== 1) return Float32Array.from(pixels, (value) => low + value * scale);
  return Float32Array.from({ length: height * width }, (_, at) => {
    const [red = 0, green = 0, blue = 0] = pixels.subarray(3 * at, 3 * at + 3);
    return low + luma(red, green, blue) * scale;
  });
}

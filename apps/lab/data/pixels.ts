import { createHash } from "node:crypto";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { EddiError } from "#shared/errors";
import { listPhotos, type PhotoFile, type Split } from "./imagenette.ts";

/** Decoded photos of one split, all squares of one size. */
export interface Photos {
  readonly count: number;
  /** Height and width in pixels. */
  readonly size: number;
  /** RGB, 0..255: uint8 [count, size, size, 3]. */
  readonly pixels: Uint8Array;
  /** Class index of each photo: uint8 [count]. */
  readonly labels: Uint8Array;
}

export interface LoadPhotosOptions {
  /** Where decoded pixels are kept between runs. */
  readonly cacheDir: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Side of the decoded squares; Imagenette-160 photos have at least this on their short side. */
export const PHOTO_SIZE = 160;

const DECODERS = 8;

/**
 * Decodes a split once, then reads the decoded pixels from a cache file. A photo which is not
 * square is squashed to one, as our training data is; nothing is cropped away.
 *
 * @param folder the folder that holds `train` and `val`
 * @throws EddiError `not-found` for a missing folder, `bad-image` naming a photo that does not decode
 */
export async function loadPhotos(folder: string, split: Split, options: LoadPhotosOptions): Promise<Photos> {
  const files = await listPhotos(folder, split);
  const labels = Uint8Array.from(files, ({ label }) => label);
  const cacheFile = path.join(options.cacheDir, `pixels-${await fingerprint(folder, files)}.bin`);
  const bytes = files.length * PHOTO_SIZE * PHOTO_SIZE * 3;
  const cached = await readFile(cacheFile).catch(() => null);
  if (cached?.byteLength === bytes) return { count: files.length, size: PHOTO_SIZE, pixels: cached, labels };
  const pixels = await decodeAll(files, options.onProgress);
  await mkdir(options.cacheDir, { recursive: true });
  const partFile = `${cacheFile}.${process.pid}.part`;
  await writeFile(partFile, pixels);
  await rename(partFile, cacheFile);
  return { count: files.length, size: PHOTO_SIZE, pixels, labels };
}

/** Names and sizes of the files: a changed data set is decoded anew. */
async function fingerprint(folder: string, files: readonly PhotoFile[]): Promise<string> {
  const hash = createHash("sha256").update(`${PHOTO_SIZE}\n`);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file.path)).size));
  for (const [i, file] of files.entries()) hash.update(`${path.relative(folder, file.path)} ${sizes[i]}\n`);
  return hash.digest("hex").slice(0, 16);
}

async function decodeAll(
  files: readonly PhotoFile[],
  onProgress: LoadPhotosOptions["onProgress"],
): Promise<Uint8Array> {
  const each = PHOTO_SIZE * PHOTO_SIZE * 3;
  const pixels = new Uint8Array(files.length * each);
  let next = 0;
  let done = 0;
  const decodeNext = async (): Promise<void> => {
    while (next < files.length) {
      const index = next++;
      pixels.set(await decode((files[index] as PhotoFile).path), index * each);
      onProgress?.(++done, files.length);
    }
  };
  await Promise.all(Array.from({ length: DECODERS }, decodeNext));
  return pixels;
}

async function decode(file: string): Promise<Uint8Array> {
  try {
    const square = sharp(file).resize(PHOTO_SIZE, PHOTO_SIZE, { fit: "fill" });
    return await square.toColourspace("srgb").removeAlpha().raw().toBuffer();
  } catch (cause) {
    throw new EddiError("bad-image", `${file}: expected a JPEG photo, it does not decode`, { cause });
  }
}

import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { StatusLine } from "../terminal/status-line.ts";
import { readRecords } from "./cifar10-records.ts";
import type { DataSet, ImageFile, Split } from "./data-set.ts";
import { type Decoded, decodeImages, type Unreadable } from "./decode-images.ts";
import type { Labels, Photos } from "./photos.ts";
import { keepPixels, readPixels } from "./pixel-cache.ts";

export interface LoadedPhotos extends Photos {
  /** How many images were left out since they do not decode. */
  readonly skipped: number;
  /** By photo: its class folder and file name without ending, or of records class and place in it: `airplane/0017`. */
  readonly names: readonly string[];
  /** By photo, where the set itself parts its validation photos: whether it is one to report on. */
  readonly isReported?: readonly boolean[];
}

export interface LoadOptions {
  /** Where decoded pixels are kept between runs. */
  readonly cacheDir: string;
  /** Told how decoding gets on and, once, which images were left out. */
  readonly status: StatusLine;
}

/** How many of the images left out are named. */
const NAMED = 5;

/**
 * The photos of one split, class by class. Images are decoded once, then read from a cache file; what is not
 * square is squashed to one, nothing is cropped away. An image that does not decode is left out.
 *
 * @throws EddiError `bad-image` when none of a class decodes, `bad-argument` for damaged CIFAR-10 batches,
 *   `too-large` when the decoded photos fit no array
 */
export async function loadSplit(set: DataSet, split: Split, options: LoadOptions): Promise<LoadedPhotos> {
  const source = set.splits[split];
  if (source.kind === "records") {
    const photos = await readRecords(source.files);
    return { ...photos, skipped: 0, names: recordNames(photos.labels, set.labels) };
  }
  const { files } = source;
  const { pixels, unreadable } = await decoded(set, files, options);
  if (unreadable.length > 0) {
    checkClasses(set, files, unreadable);
    options.status.note(skippedText(files, unreadable));
  }
  const photos = without(unreadable, files, pixels, set);
  const gaps = new Set(unreadable.map(({ at }) => at));
  const read = files.filter((_, at) => !gaps.has(at));
  const names = read.map((file) => nameOf(file.path));
  const isReported = read.flatMap((file) => file.isReported ?? []);
  return {
    ...photos,
    skipped: unreadable.length,
    names,
    ...(isReported.length === 0 ? {} : { isReported }),
  };
}

function nameOf(file: string): string {
  const { dir, name } = path.parse(file);
  return `${path.basename(dir)}/${name}`;
}

/** As the files of the copy with a JPEG for each image are called. */
function recordNames(labels: Labels, classes: readonly string[]): string[] {
  const next = classes.map(() => 0);
  return Array.from(labels, (label) => `${classes[label]}/${String(next[label]!++).padStart(4, "0")}`);
}

async function decoded(
  set: DataSet,
  files: readonly ImageFile[],
  { cacheDir, status }: LoadOptions,
): Promise<Decoded> {
  const job = {
    files: files.map((file) => file.path),
    size: set.size,
    turned: set.id === "folder" || set.id === "clothing",
    onProgress: (done: number, total: number) => status.update(`decoding photos: ${done} of ${total}`),
  };
  const cacheFile = path.join(cacheDir, `pixels-${await fingerprint(set, files)}.bin`);
  const kept = await readPixels(cacheFile, files.length, set.size * set.size * 3);
  // What could not be read then may be readable now.
  if (kept !== null) return decodeImages(job, kept);
  const fresh = await decodeImages(job);
  const failed = fresh.unreadable.map(({ at }) => at);
  const problem = await keepPixels(cacheFile, fresh.pixels, files.length, failed);
  if (problem !== null) status.note(`decoded photos are not kept for the next time: ${problem}`);
  return fresh;
}

/**
 * Names and sizes of the files, and for users' own also their times: a changed data set is decoded anew.
 * Published sets have no times: they differ between copies.
 */
async function fingerprint({ id, folder, size }: DataSet, files: readonly ImageFile[]): Promise<string> {
  const hash = createHash("sha256").update(`${size}\n`);
  const facts = await Promise.all(files.map((file) => stat(file.path).catch(() => null)));
  for (const [i, file] of files.entries()) {
    const time = id === "folder" ? ` ${facts[i]?.mtimeMs}` : "";
    hash.update(`${path.relative(folder, file.path)} ${facts[i]?.size}${time}\n`);
  }
  return hash.digest("hex").slice(0, 16);
}

function checkClasses(set: DataSet, files: readonly ImageFile[], unreadable: readonly Unreadable[]): void {
  const total = count(files.map(({ label }) => label));
  const failed = count(unreadable.map(({ at }) => files[at]!.label));
  for (const [label, images] of total) {
    if (failed.get(label) !== images) continue;
    const { at, reason } = unreadable.find(({ at }) => files[at]!.label === label)!;
    const expected = `expected a readable photo of "${set.labels[label]}", none of ${images} decodes`;
    const { dir, base } = path.parse(files[at]!.path);
    throw new EddiError("bad-image", `${dir}: ${expected} (${base}: ${reason})`);
  }
}

function count(labels: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}

function skippedText(files: readonly ImageFile[], unreadable: readonly Unreadable[]): string {
  const named = unreadable.slice(0, NAMED).map(({ at, reason }) => `${files[at]!.path} (${reason})`);
  const more = unreadable.length - named.length;
  const photos = unreadable.length === 1 ? "photo" : "photos";
  const rest = more > 0 ? `, and ${more} more` : "";
  return `skipped ${unreadable.length} ${photos} of ${files.length} that cannot be read: ${named.join(", ")}${rest}`;
}

/** Closes the gaps in place: a copy of a large set may not fit. */
function without(
  unreadable: readonly Unreadable[],
  files: readonly ImageFile[],
  pixels: Uint8Array,
  { labels: classes, size }: DataSet,
): Photos {
  const each = size * size * 3;
  const gaps = new Set(unreadable.map(({ at }) => at));
  const readable = files.map((_, at) => at).filter((at) => !gaps.has(at));
  for (const [to, from] of readable.entries()) {
    if (to !== from) pixels.copyWithin(to * each, from * each, (from + 1) * each);
  }
  const labels = packLabels(
    readable.map((at) => files[at]!.label),
    classes.length,
  );
  return { count: readable.length, size, pixels: pixels.subarray(0, readable.length * each), labels };
}

/** @param classes up to 65,536 */
export function packLabels(indices: readonly number[], classes: number): Labels {
  return classes > 256 ? Uint16Array.from(indices) : Uint8Array.from(indices);
}

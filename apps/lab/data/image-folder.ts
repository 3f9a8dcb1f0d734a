import { readdir } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { DataSet, ImageFile } from "./data-set.ts";
import { foldersIn, imagesIn, isImage, listImages } from "./list-images.ts";

/** Height and width in pixels that users' photos are decoded to: as Imagenette's. */
const SIZE = 160;

/** Without a split of its own, one photo in so many of every class is for validation. */
const VALIDATION_EVERY = 10;

/** What the 16 bits of a label hold. */
const MOST_CLASSES = 65_536;

export const IMAGE_FOLDER_LAYOUT =
  "an image folder, {train,val}/<class>/* or <class>/* (jpg, jpeg, png, webp)";

/**
 * Users' own photos: `train` and `val` with a folder for every class, or these folders alone; then every tenth
 * photo of a class, at least one, is for validation. Classes are sorted by name.
 *
 * @returns null when no folder in there holds photos
 * @throws EddiError `not-found` for a class without photos, `bad-argument` for a single class
 */
export async function openImageFolder(folder: string): Promise<DataSet | null> {
  const names = await foldersIn(folder);
  if (names.includes("train") && names.includes("val")) return openSplit(folder);
  if (names.includes("train") && (await foldersIn(path.join(folder, "train"))).length > 0) {
    throw new EddiError("not-found", `${folder}: expected val beside train, got no such folder`);
  }
  const holds = await Promise.all(names.map(async (name) => hasImages(path.join(folder, name))));
  if (!holds.includes(true)) return null;
  checkCount(folder, names);
  const byClass = await Promise.all(names.map((name) => imagesIn(path.join(folder, name))));
  const train: ImageFile[] = [];
  const validation: ImageFile[] = [];
  for (const [label, images] of byClass.entries()) {
    if (images.length < 2) {
      const place = path.join(folder, names[label]!);
      throw new EddiError("not-found", `${place}: expected at least two photos, one for validation, got one`);
    }
    for (const [at, image] of images.entries()) {
      (isForValidation(at, images.length) ? validation : train).push({ path: image, label });
    }
  }
  return imageFolder(folder, names, train, validation);
}

async function openSplit(folder: string): Promise<DataSet> {
  const names = await foldersIn(path.join(folder, "train"));
  checkCount(path.join(folder, "train"), names);
  const validation = path.join(folder, "val");
  const foreign = (await foldersIn(validation)).filter((name) => !names.includes(name));
  if (foreign.length > 0) {
    const expected = `${validation}: expected the classes of train, got ${foreign.join(", ")} too`;
    throw new EddiError("bad-argument", expected);
  }
  return imageFolder(
    folder,
    names,
    await listImages(path.join(folder, "train"), names),
    await listImages(validation, names),
  );
}

function imageFolder(
  folder: string,
  labels: readonly string[],
  train: readonly ImageFile[],
  validation: readonly ImageFile[],
): DataSet {
  const split = (files: readonly ImageFile[]) => ({ kind: "images", files }) as const;
  const splits = { train: split(train), validation: split(validation) };
  return { id: "folder", labels, folder, size: SIZE, splits };
}

function checkCount(folder: string, names: readonly string[]): void {
  if (names.length >= 2 && names.length <= MOST_CLASSES) return;
  const came = names.length === 1 ? `one, ${names[0]}` : `${names.length}`;
  const expected = `${folder}: expected a folder for each of 2 to ${MOST_CLASSES} classes, got ${came}`;
  throw new EddiError("bad-argument", expected);
}

function isForValidation(at: number, count: number): boolean {
  if (count < VALIDATION_EVERY) return at === count - 1;
  return at % VALIDATION_EVERY === VALIDATION_EVERY - 1;
}

const hasImages = async (folder: string): Promise<boolean> =>
  (await readdir(folder).catch(() => [])).some(isImage);

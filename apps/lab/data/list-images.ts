import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { ImageFile } from "./data-set.ts";

const IMAGE = /\.(jpe?g|png|webp)$/i;

/**
 * The images of one split: class by class, each in the order of the names.
 *
 * @param folder holds a folder for every class
 * @param classes names of these folders, in the order of the labels
 * @throws EddiError `not-found` naming a class folder that is missing or holds no image
 */
export async function listImages(folder: string, classes: readonly string[]): Promise<ImageFile[]> {
  const byClass = await Promise.all(classes.map((name) => imagesIn(path.join(folder, name))));
  return byClass.flatMap((images, label) => images.map((image) => ({ path: image, label })));
}

/** @throws EddiError `not-found` when the folder is missing or holds no image */
export async function imagesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new EddiError("not-found", `expected photos of a class in ${folder}: no such folder`, { cause });
  });
  const images = names.filter(isImage).sort();
  if (images.length > 0) return images.map((name) => path.join(folder, name));
  const came = names.length === 0 ? "an empty folder" : `none among ${names.length} entries`;
  throw new EddiError("not-found", `expected photos (jpg, jpeg, png, webp) in ${folder}, got ${came}`);
}

/** Without what file managers hide, macOS' `._photo.jpg` among it. */
export const isImage = (name: string): boolean => IMAGE.test(name) && !name.startsWith(".");

/** Names of the folders in a folder, links to folders included, hidden ones not; none where it cannot be read. */
export async function foldersIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith(".")).sort();
  const isFolder = await Promise.all(names.map((name) => isKind(path.join(folder, name), "isDirectory")));
  return names.filter((_, at) => isFolder[at]);
}

export async function isKind(place: string, kind: "isFile" | "isDirectory"): Promise<boolean> {
  const found = await stat(place).catch(() => null);
  return found?.[kind]() ?? false;
}

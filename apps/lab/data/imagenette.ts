import { readdir } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";

export interface PhotoClass {
  /** WordNet id, the class folder's name. */
  readonly wnid: string;
  readonly label: string;
}

/** Imagenette's ten classes in the order of the scores: that of their WordNet ids. */
export const IMAGENETTE_CLASSES: readonly PhotoClass[] = [
  { wnid: "n01440764", label: "tench" },
  { wnid: "n02102040", label: "English springer" },
  { wnid: "n02979186", label: "cassette player" },
  { wnid: "n03000684", label: "chain saw" },
  { wnid: "n03028079", label: "church" },
  { wnid: "n03394916", label: "French horn" },
  { wnid: "n03417042", label: "garbage truck" },
  { wnid: "n03425413", label: "gas pump" },
  { wnid: "n03445777", label: "golf ball" },
  { wnid: "n03888257", label: "parachute" },
];

export const IMAGENETTE_LABELS: readonly string[] = IMAGENETTE_CLASSES.map(({ label }) => label);

export type Split = "train" | "val";

export interface PhotoFile {
  readonly path: string;
  /** Index of the class, 0..9. */
  readonly label: number;
}

/**
 * The photos of one split, class by class, each in the order of their names: the same on every machine.
 *
 * @param folder the folder that holds `train` and `val`
 * @throws EddiError `not-found` naming the split or class folder that is missing or empty
 */
export async function listPhotos(folder: string, split: Split): Promise<PhotoFile[]> {
  const photos: PhotoFile[] = [];
  for (const [label, { wnid }] of IMAGENETTE_CLASSES.entries()) {
    const classFolder = path.join(folder, split, wnid);
    const names = await readdir(classFolder).catch((cause: unknown) => {
      const expected = `expected Imagenette's layout, {train,val}/<class>/*.JPEG, in ${folder}`;
      throw new EddiError("not-found", `${expected}: no class folder ${classFolder}`, { cause });
    });
    const files = names.filter((name) => /\.jpe?g$/i.test(name)).sort();
    if (files.length === 0)
      throw new EddiError("not-found", `expected JPEG photos in ${classFolder}, got none`);
    for (const name of files) photos.push({ path: path.join(classFolder, name), label });
  }
  return photos;
}

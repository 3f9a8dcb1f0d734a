import path from "node:path";
import type { DataSet, ImageFile, OfficialSet } from "./data-set.ts";
import { foldersIn, listImages } from "./list-images.ts";

/** The classes in the order of the scores: that of their folders. */
const CLASSES = [
  { folder: "dress", label: "dress" },
  { folder: "hat", label: "hat" },
  { folder: "longsleeve", label: "long-sleeved top" },
  { folder: "outwear", label: "outerwear" },
  { folder: "pants", label: "trousers" },
  { folder: "shirt", label: "shirt" },
  { folder: "shoes", label: "shoes" },
  { folder: "shorts", label: "shorts" },
  { folder: "skirt", label: "skirt" },
  { folder: "t-shirt", label: "T-shirt" },
];

const FOLDERS = CLASSES.map(({ folder }) => folder);

const CLOTHING_LABELS: readonly string[] = CLASSES.map(({ label }) => label);

/** Height and width that its photos are decoded to. */
const SIZE = 288;

/**
 * Photos of garments taken by phone (the Clothing dataset, its ten most popular classes, CC0). The contributors of its
 * test photos differ from those of the others: our validation photos are its validation photos, to choose on, and its
 * test photos, to report on.
 */
export const clothing: OfficialSet = {
  id: "clothing",
  name: "the Clothing dataset",
  labels: CLOTHING_LABELS,
  source: { page: "https://github.com/alexeygrigorev/clothing-dataset-small" },
  folders: ["clothing-288", "clothing-dataset-small"],
  archives: ["clothing-288.tar"],
  layout: "{train,validation,test}/<class>/*.jpg",
  open: openClothing,
};

async function openClothing(folder: string): Promise<DataSet | null> {
  const splits = await foldersIn(folder);
  if (!["train", "validation", "test"].every((name) => splits.includes(name))) return null;
  // Some of its classes and no others; which one is missing is told below.
  const found = await foldersIn(path.join(folder, "train"));
  if (found.length === 0 || !found.every((name) => FOLDERS.includes(name))) return null;
  const split = (name: string) => listImages(path.join(folder, name), FOLDERS);
  const half = async (name: string, isReported: boolean): Promise<readonly ImageFile[]> =>
    (await split(name)).map((file) => ({ ...file, isReported }));
  const [chosen, reported] = [await half("validation", false), await half("test", true)];
  // Class by class, as the photos of every split.
  const validation = FOLDERS.flatMap((_, label) =>
    [...chosen, ...reported].filter((file) => file.label === label),
  );
  return {
    id: "clothing",
    labels: CLOTHING_LABELS,
    folder,
    size: SIZE,
    splits: {
      train: { kind: "images", files: await split("train") },
      validation: { kind: "images", files: validation },
    },
  };
}

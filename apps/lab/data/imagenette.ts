import path from "node:path";
import type { OfficialSet } from "./data-set.ts";
import { foldersIn, listImages } from "./list-images.ts";

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

const WNIDS = IMAGENETTE_CLASSES.map(({ wnid }) => wnid);

/** Imagenette-160 photos have at least this on their short side. */
const SIZE = 160;

/** Imagenette v2 at 160 pixels, as fast.ai publishes it. */
export const imagenette: OfficialSet = {
  id: "imagenette",
  name: "Imagenette",
  labels: IMAGENETTE_LABELS,
  source: {
    url: "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
    md5: "e793b78cc4c9e9a4ccc0c1155377a412",
  },
  folders: ["imagenette2-160"],
  archives: ["imagenette2-160.tgz", "imagenette2-160.tar.gz"],
  layout: "{train,val}/<WordNet id>/*.JPEG",
  async open(folder) {
    const found = await foldersIn(path.join(folder, "train"));
    // Some of its classes and no others; which one is missing is told below.
    if (found.length === 0 || !found.every((name) => WNIDS.includes(name))) return null;
    const split = async (name: string) =>
      ({ kind: "images", files: await listImages(path.join(folder, name), WNIDS) }) as const;
    const splits = { train: await split("train"), validation: await split("val") };
    return { id: "imagenette", labels: IMAGENETTE_LABELS, folder, size: SIZE, splits };
  },
};

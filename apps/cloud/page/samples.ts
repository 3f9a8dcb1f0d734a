import { join, resolve } from "node:path";
import { toEddiError } from "#shared/errors";
import { randomFrom, shuffled } from "#shared/random";
import { Folder } from "../files/folder.ts";
import type { Entry } from "../files/regular-file.ts";

/** Sample photos for the page. */
export interface Samples {
  readonly folder: Folder;
  readonly index: {
    readonly source: "photos" | "none";
    readonly photos: readonly { readonly url: string; readonly label: string }[];
  };
  /** Path below the folder of each photo, by the end of its URL; no other file is served. */
  readonly files: ReadonlyMap<string, string>;
}

/** Imagenette's classes: the folder's name in WordNet, and in English. */
const LABELS: Readonly<Record<string, string>> = {
  n01440764: "tench",
  n02102040: "English springer",
  n02979186: "cassette player",
  n03000684: "chain saw",
  n03028079: "church",
  n03394916: "French horn",
  n03417042: "garbage truck",
  n03425413: "gas pump",
  n03445777: "golf ball",
  n03888257: "parachute",
};

const PHOTOS = 100;
const SEED = 1;

/**
 * Chooses photos from `val/<class>/`, the same ones each time, spread evenly over the classes and ordered so
 * that any first few are spread too.
 *
 * @param onTrouble told why there are none, where a folder cannot be read; one that is not there has none
 */
export async function findSamples(dataDir: string, onTrouble: (message: string) => void): Promise<Samples> {
  const folder = new Folder(resolve(dataDir, "val"));
  const list = (path: string): Promise<readonly Entry[]> =>
    folder.list(path).catch((thrown) => {
      const { code, message } = toEddiError(thrown);
      if (code !== "not-found") onTrouble(`sample photos in ${join(folder.dir, path)}: ${message}`);
      return [];
    });
  const classes = (await list(".")).filter(({ kind }) => kind === "folder" || kind === "link");
  const random = randomFrom(SEED);
  const found: { readonly name: string; readonly files: readonly string[] }[] = [];
  for (const { name } of classes) {
    const photos = (await list(name)).filter(isPhoto);
    found.push({ name, files: Array.from(shuffled(photos.length, random), (at) => photos[at]!.name) });
  }
  const chosen: { label: string; path: string }[] = [];
  const rounds = Math.ceil(PHOTOS / Math.max(1, found.length));
  for (let round = 0; round < rounds; round++) {
    for (const { name, files } of found) {
      const file = files[round];
      if (file !== undefined) chosen.push({ label: LABELS[name] ?? name, path: `${name}/${file}` });
    }
  }
  const photos = chosen.slice(0, PHOTOS);
  return {
    folder,
    index: {
      source: photos.length > 0 ? "photos" : "none",
      photos: photos.map(({ label, path }) => ({ url: `/samples/photos/${encodeURI(path)}`, label })),
    },
    files: new Map(photos.map(({ path }) => [path, path])),
  };
}

function isPhoto({ name, kind }: Entry): boolean {
  return /\.jpe?g$/i.test(name) && (kind === "file" || kind === "link");
}

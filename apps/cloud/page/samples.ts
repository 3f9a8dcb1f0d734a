import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomFrom } from "../random.ts";

/** Sample photos for the page. */
export interface Samples {
  readonly dir: string;
  readonly index: {
    readonly source: "photos" | "none";
    readonly photos: readonly { readonly url: string; readonly label: string }[];
  };
  /** Path below `dir` of each photo, by the end of its URL; no other file is served. */
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
 */
export async function findSamples(dataDir: string): Promise<Samples> {
  const dir = resolve(dataDir, "val");
  const classes = (await list(dir)).sort();
  const random = randomFrom(SEED);
  const shuffled = await Promise.all(
    classes.map(async (name) =>
      (await list(join(dir, name))).filter((file) => /\.jpe?g$/i.test(file)).sort(),
    ),
  );
  for (const files of shuffled) shuffle(files, random);
  const chosen: { label: string; path: string }[] = [];
  const rounds = Math.ceil(PHOTOS / Math.max(1, classes.length));
  for (let round = 0; round < rounds; round++) {
    for (const [at, name] of classes.entries()) {
      const file = shuffled[at]![round];
      if (file !== undefined) chosen.push({ label: LABELS[name] ?? name, path: `${name}/${file}` });
    }
  }
  const photos = chosen.slice(0, PHOTOS);
  return {
    dir,
    index: {
      source: photos.length > 0 ? "photos" : "none",
      photos: photos.map(({ label, path }) => ({ url: `/samples/photos/${encodeURI(path)}`, label })),
    },
    files: new Map(photos.map(({ path }) => [path, path])),
  };
}

async function list(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw thrown;
  }
}

/** Fisher-Yates, in place. */
function shuffle(items: string[], random: () => number): void {
  for (let last = items.length - 1; last > 0; last--) {
    const at = Math.floor(random() * (last + 1));
    [items[last], items[at]] = [items[at]!, items[last]!];
  }
}

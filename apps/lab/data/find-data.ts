import { homedir } from "node:os";
import path from "node:path";
import { EddiError } from "#shared/errors";
import type { DataSet, OfficialSet } from "./data-set.ts";
import { IMAGE_FOLDER_LAYOUT, openImageFolder } from "./image-folder.ts";
import { foldersIn, isKind } from "./list-images.ts";
import { OFFICIAL_SETS } from "./official-sets.ts";
import { unpackOnce } from "./unpack.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface DataSource {
  /** A folder or an archive, as `--data` gives it. */
  readonly dataOption: string | undefined;
  readonly env: Env;
}

/** Where downloads, unpacked archives and decoded pixels are kept: the XDG cache folder. */
export function cacheDir(env: Env): string {
  return path.join(env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "eddi", "data");
}

/**
 * A published set in a place: its folder, its archive, or a folder that holds one of these, there or under the
 * set's id. An archive is unpacked into the cache folder, once.
 *
 * @returns null when the place holds no such set
 * @throws EddiError `not-found` where the set is not whole, `bad-argument` for a damaged archive
 */
export async function findOfficial(set: OfficialSet, place: string, cache: string): Promise<DataSet | null> {
  if (await isKind(place, "isFile")) {
    const unpacked = await unpackOnce(place, cache);
    return openFirst(set, [unpacked, ...set.folders.map((name) => path.join(unpacked, name))]);
  }
  const beside = [place, path.join(place, set.id)];
  const found = await openFirst(
    set,
    beside.flatMap((folder) => [folder, ...set.folders.map((name) => path.join(folder, name))]),
  );
  if (found !== null) return found;
  for (const folder of beside) {
    for (const name of set.archives) {
      const archive = path.join(folder, name);
      if (await isKind(archive, "isFile")) return findOfficial(set, archive, cache);
    }
  }
  return null;
}

/**
 * The data set in a place that somebody named: the wanted published set, else another one, else an image folder,
 * in an archive too.
 *
 * @param wanted null when no published set is wanted more than others
 * @throws EddiError `not-found` when there is none, else as `findOfficial` and `openImageFolder`
 */
export async function findAny(wanted: OfficialSet | null, place: string, cache: string): Promise<DataSet> {
  const others = Object.values(OFFICIAL_SETS).filter(({ id }) => id !== wanted?.id);
  for (const set of wanted === null ? others : [wanted, ...others]) {
    const found = await findOfficial(set, place, cache);
    if (found !== null) return found;
  }
  const found = (await isKind(place, "isFile"))
    ? await openPacked(await unpackOnce(place, cache))
    : await openImageFolder(place);
  return found ?? refuse(place, `${expectation(wanted)}, or ${IMAGE_FOLDER_LAYOUT}`);
}

/**
 * Photos for the page: the folder with `train` and `val` that is named by option or EDDI_DATA, else what was
 * downloaded. Imagenette, or an image folder with a split of its own.
 *
 * @returns null when nothing was named and nothing downloaded
 * @throws EddiError `not-found` when the place named holds none, else as `findOfficial`
 */
export async function findPhotoFolder({ dataOption, env }: DataSource): Promise<string | null> {
  const { imagenette } = OFFICIAL_SETS;
  const cache = cacheDir(env);
  const named = dataOption ?? env.EDDI_DATA;
  if (named === undefined || named === "") {
    return (await findOfficial(imagenette, cache, cache))?.folder ?? null;
  }
  const place = path.resolve(named);
  const found = await findOfficial(imagenette, place, cache);
  if (found !== null) return found.folder;
  const hasSplit = await isKind(path.join(place, "val"), "isDirectory");
  const own = hasSplit ? await openImageFolder(place) : null;
  return own?.folder ?? refuse(place, `${expectation(imagenette)}, or {train,val}/<class>/*`);
}

/** What is looked for, for messages. */
export function expectation(set: OfficialSet | null): string {
  if (set === null) return Object.values(OFFICIAL_SETS).map(expectation).join(", or ");
  return `${set.name}: ${set.layout}; its archive ${set.archives.join(" or ")}; or a folder that holds one of these`;
}

/** @throws EddiError `not-found` always */
export async function refuse(place: string, expected: string): Promise<never> {
  const there = (await isKind(place, "isDirectory")) || (await isKind(place, "isFile"));
  const came = there ? "it holds none" : "there is no such file or folder";
  throw new EddiError("not-found", `${place}: expected ${expected}; ${came}`);
}

/** An archive often holds one folder that holds everything. */
async function openPacked(folder: string): Promise<DataSet | null> {
  const [only, ...more] = await foldersIn(folder);
  const inner =
    only !== undefined && more.length === 0 ? await openImageFolder(path.join(folder, only)) : null;
  return inner ?? openImageFolder(folder);
}

async function openFirst(set: OfficialSet, folders: readonly string[]): Promise<DataSet | null> {
  for (const folder of folders) {
    const found = await set.open(folder);
    if (found !== null) return found;
  }
  return null;
}

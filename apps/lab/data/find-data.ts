import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { unpackOnce } from "./unpack.ts";

/** The folder that Imagenette's archive unpacks to; it holds `train` and `val`. */
export const IMAGENETTE_FOLDER = "imagenette2-160";

const ARCHIVES = [`${IMAGENETTE_FOLDER}.tgz`, `${IMAGENETTE_FOLDER}.tar.gz`];

type Env = Readonly<Record<string, string | undefined>>;

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
 * Imagenette on this machine: what `--data` names, else EDDI_DATA, else what `lab data` downloaded.
 * An archive is unpacked into the cache folder, once.
 *
 * @returns the folder with `train` and `val`, or null when nothing was named and nothing downloaded
 * @throws EddiError `not-found` when the place named holds no Imagenette, `bad-argument` for a damaged archive
 */
export async function findDataFolder({ dataOption, env }: DataSource): Promise<string | null> {
  const cache = cacheDir(env);
  const named = dataOption ?? env.EDDI_DATA;
  if (named === undefined || named === "") return findIn(cache, cache);
  const found = await findIn(path.resolve(named), cache);
  if (found !== null) return found;
  throw new EddiError(
    "not-found",
    `${named}: expected Imagenette: its folder with train and val, the archive ${ARCHIVES.join(" or ")}, ` +
      "or a folder that holds one of these, there or under imagenette/",
  );
}

async function findIn(place: string, cache: string): Promise<string | null> {
  if (await isKind(place, "isFile")) return path.join(await unpackOnce(place, cache), IMAGENETTE_FOLDER);
  const folders = [
    place,
    path.join(place, IMAGENETTE_FOLDER),
    path.join(place, "imagenette", IMAGENETTE_FOLDER),
  ];
  for (const folder of folders) if (await isKind(path.join(folder, "train"), "isDirectory")) return folder;
  for (const folder of [place, path.join(place, "imagenette")]) {
    for (const name of ARCHIVES) {
      const archive = path.join(folder, name);
      if (await isKind(archive, "isFile"))
        return path.join(await unpackOnce(archive, cache), IMAGENETTE_FOLDER);
    }
  }
  return null;
}

async function isKind(place: string, kind: "isFile" | "isDirectory"): Promise<boolean> {
  const found = await stat(place).catch(() => null);
  return found?.[kind]() ?? false;
}

import path from "node:path";
import { EddiError } from "#shared/errors";
import type { StatusLine } from "../terminal/status-line.ts";
import type { DataSet, OfficialId, OfficialSet } from "./data-set.ts";
import { cacheDir, type Env, expectation, findAny, findOfficial, refuse } from "./find-data.ts";
import { getDataSet } from "./get-data-set.ts";
import { OFFICIAL_SETS } from "./official-sets.ts";

/** `--data` in the help of every command that takes it. */
export const DATA_HELP =
  "the model's data set, folder or archive; or a folder of your own photos, {train,val}/CLASS/* or CLASS/*; or the word " +
  "download, for the official archive (default: EDDI_DATA, then what was downloaded; else it is now)";

const DOWNLOAD = "download";

export interface DataRequest {
  /** As `--data` gives it: a folder, an archive, or the word `download`. */
  readonly dataOption: string | undefined;
  readonly env: Env;
  /** The published set that the model is made for; null when it has other classes. */
  readonly own: OfficialId | null;
}

/**
 * The data set for a model: what `--data` names; else its own set, from EDDI_DATA, from what was downloaded
 * before, or downloaded now.
 *
 * @param official where the published sets are downloaded from
 * @throws EddiError as `findAny`, `findOfficial` and `getDataSet`; `bad-argument` when a model that has no
 *   published set is given none
 */
export async function openData(
  request: DataRequest,
  status: StatusLine,
  official = OFFICIAL_SETS,
): Promise<DataSet> {
  const own = request.own === null ? null : official[request.own];
  const set = await find(request, own, status);
  const name = set.id === "folder" ? "an image folder" : OFFICIAL_SETS[set.id].name;
  status.note(`data: ${name}, ${set.labels.length} classes, in ${set.folder}`);
  return set;
}

async function find(
  { dataOption, env }: DataRequest,
  own: OfficialSet | null,
  status: StatusLine,
): Promise<DataSet> {
  const cache = cacheDir(env);
  if (dataOption === "") throw new EddiError("bad-argument", "--data: expected a path, got an empty one");
  if (dataOption !== undefined && dataOption !== DOWNLOAD) {
    return findAny(own, path.resolve(dataOption), cache);
  }
  if (own === null) {
    const expected = "expected a folder with photos of the model's classes, which are no published set's";
    if (env.EDDI_DATA && dataOption === undefined) return findAny(null, path.resolve(env.EDDI_DATA), cache);
    throw new EddiError("bad-argument", `--data: ${expected}; got ${dataOption ?? "none"}`);
  }
  if (dataOption === DOWNLOAD) return downloaded(own, cache, status);
  if (env.EDDI_DATA) {
    const place = path.resolve(env.EDDI_DATA);
    const expected = `${expectation(own)} (named by EDDI_DATA; --data goes before it)`;
    return (await findOfficial(own, place, cache)) ?? refuse(place, expected);
  }
  const found = await findOfficial(own, cache, cache);
  if (found !== null) return found;
  status.note(`no ${own.name} named by --data or EDDI_DATA, none downloaded yet: downloading it`);
  return downloaded(own, cache, status);
}

function downloaded(set: OfficialSet, dir: string, status: StatusLine): Promise<DataSet> {
  return getDataSet({ dir, set, status });
}

import path from "node:path";
import { EddiError } from "#shared/errors";
import type { DataSet, OfficialId, OfficialSet } from "./data-set.ts";
import { cacheDir, type Env, expectation, findAny, findOfficial, refuse } from "./find-data.ts";
import { getDataSet } from "./get-data-set.ts";
import { OFFICIAL_SETS } from "./official-sets.ts";
import type { StatusLine } from "./status-line.ts";

/**
 * `--data` in the help of every command that takes it.
 *
 * @param column where its text starts
 */
export function dataHelp(column: number): string {
  const [first, ...more] = DATA_HELP;
  const rest = more.map((line) => " ".repeat(column) + line);
  return ["  --data PATH".padEnd(column) + first, ...rest].join("\n");
}

const DATA_HELP = [
  "the model's data set, folder or archive; or a folder of your own photos,",
  "{train,val}/CLASS/* or CLASS/*; or the word download, for the official archive",
  "(default: EDDI_DATA, then what was downloaded; else it is now)",
];

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
 * @throws EddiError as `findAny`, `findOfficial` and `getDataSet`; `bad-argument` when a model that has no
 *   published set is given none
 */
export async function openData(request: DataRequest, status: StatusLine): Promise<DataSet> {
  const set = await find(request, status);
  const name = set.id === "folder" ? "an image folder" : OFFICIAL_SETS[set.id].name;
  status.note(`data: ${name}, ${set.labels.length} classes, in ${set.folder}`);
  return set;
}

async function find({ dataOption, env, own }: DataRequest, status: StatusLine): Promise<DataSet> {
  const cache = cacheDir(env);
  const wanted = own === null ? null : OFFICIAL_SETS[own];
  if (dataOption === "") throw new EddiError("bad-argument", "--data: expected a path, got an empty one");
  if (dataOption !== undefined && dataOption !== DOWNLOAD) {
    return findAny(wanted, path.resolve(dataOption), cache);
  }
  if (wanted === null) {
    const expected = "expected a folder with photos of the model's classes, which are no published set's";
    if (env.EDDI_DATA && dataOption === undefined) return findAny(null, path.resolve(env.EDDI_DATA), cache);
    throw new EddiError("bad-argument", `--data: ${expected}; got ${dataOption ?? "none"}`);
  }
  if (dataOption === DOWNLOAD) return downloaded(wanted, cache, status);
  if (env.EDDI_DATA) {
    const place = path.resolve(env.EDDI_DATA);
    const expected = `${expectation(wanted)} (named by EDDI_DATA; --data goes before it)`;
    return (await findOfficial(wanted, place, cache)) ?? refuse(place, expected);
  }
  const found = await findOfficial(wanted, cache, cache);
  if (found !== null) return found;
  status.note(`no ${wanted.name} named by --data or EDDI_DATA, none downloaded yet: downloading it`);
  return downloaded(wanted, cache, status);
}

function downloaded(set: OfficialSet, dir: string, status: StatusLine): Promise<DataSet> {
  return getDataSet({ dir, set, url: set.source.url, status });
}

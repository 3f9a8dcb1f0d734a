import { rm, stat } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { RECORD_BYTES } from "./cifar10-records.ts";
import type { DataSet, OfficialSet, Split } from "./data-set.ts";
import { download } from "./download.ts";
import { unpack } from "./unpack.ts";

export interface GetOptions {
  readonly dir: string;
  readonly set: OfficialSet;
  /** Where its archive is to be had, if not at its source; the hash must be the official one. */
  readonly url?: string | undefined;
  readonly status: StatusLine;
  readonly signal?: AbortSignal;
}

const MEGABYTE = 1e6;

/**
 * Downloads and unpacks the official archive of a set, unless it is there.
 *
 * @throws EddiError as `download` and `unpack`, `not-found` when the archive has another layout, or `bad-argument` for a set
 *   that has no archive with a published hash
 */
export async function getDataSet({ dir, set, url, status, signal }: GetOptions): Promise<DataSet> {
  const [name] = set.folders;
  const folder = path.join(dir, name);
  const there = await set.open(folder);
  if (there !== null) return there;
  const { source } = set;
  if ("page" in source) {
    const expected = "expected a set whose archive has a published hash";
    const how = `get it from ${source.page} and name its folder by --data`;
    throw new EddiError("bad-argument", `${expected}, got ${set.name}: ${how}`);
  }
  const file = path.join(dir, set.archives[0]);
  const from = url ?? source.url;
  await download({
    url: from,
    md5: source.md5,
    file,
    signal,
    onProgress: (bytes, total) => status.update(bytesText(bytes, total)),
  });
  status.update(`unpacking into ${folder}`);
  await unpack(file, folder, name);
  await rm(file);
  const got = await set.open(folder);
  if (got !== null) return got;
  throw new EddiError("not-found", `${from}: expected ${set.layout} in the archive's ${name}, got neither`);
}

export async function countPhotos(set: DataSet, split: Split): Promise<number> {
  const { kind, files } = set.splits[split];
  if (kind === "images") return files.length;
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size / RECORD_BYTES, 0);
}

function bytesText(bytes: number, total: number | null): string {
  const done = `${(bytes / MEGABYTE).toFixed(1)} MB`;
  if (total === null) return `downloading: ${done}`;
  return `downloading ${bar(bytes / total)} ${done} of ${(total / MEGABYTE).toFixed(1)} MB`;
}

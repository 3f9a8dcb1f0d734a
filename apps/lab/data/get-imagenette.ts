import { rm } from "node:fs/promises";
import path from "node:path";
import { download } from "./download.ts";
import { cacheDir, type DataSource, findDataFolder, IMAGENETTE_FOLDER } from "./find-data.ts";
import { listPhotos } from "./imagenette.ts";
import { bar, type StatusLine } from "./status-line.ts";
import { unpack } from "./unpack.ts";

/** Imagenette v2 at 160 pixels, as fast.ai publishes it. */
export const IMAGENETTE_SOURCE = {
  url: "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz",
  md5: "e793b78cc4c9e9a4ccc0c1155377a412",
} as const;

export interface GetOptions {
  readonly dir: string;
  readonly source: { readonly url: string; readonly md5: string };
  readonly status: StatusLine;
  readonly signal?: AbortSignal;
}

export interface DataSetFacts {
  /** The folder with `train` and `val`. */
  readonly folder: string;
  readonly trainPhotos: number;
  readonly validationPhotos: number;
}

const MEGABYTE = 1e6;

/**
 * Downloads and unpacks Imagenette, unless it is there.
 *
 * @throws EddiError as `download` and `unpack`, or `not-found` when the archive has another layout
 */
export async function getImagenette({ dir, source, status, signal }: GetOptions): Promise<DataSetFacts> {
  const folder = path.join(dir, IMAGENETTE_FOLDER);
  const there = await facts(folder).catch(() => null);
  if (there) return there;
  const file = `${folder}.tgz`;
  await download({
    ...source,
    file,
    signal,
    onProgress: (bytes, total) => status.update(bytesText(bytes, total)),
  });
  status.update(`unpacking into ${folder}`);
  await unpack(file, folder, IMAGENETTE_FOLDER);
  await rm(file);
  return facts(folder);
}

/**
 * The folder with `train` and `val` that is named or was downloaded before; else the official archive is
 * downloaded now.
 *
 * @throws EddiError as `findDataFolder` and `getImagenette`
 */
export async function ensureImagenette(named: DataSource, status: StatusLine): Promise<string> {
  const found = await findDataFolder(named);
  if (found !== null) return found;
  status.note("no Imagenette named by --data or EDDI_DATA, none downloaded yet: downloading it");
  return (await getImagenette({ dir: cacheDir(named.env), source: IMAGENETTE_SOURCE, status })).folder;
}

async function facts(folder: string): Promise<DataSetFacts> {
  const [train, validation] = await Promise.all([listPhotos(folder, "train"), listPhotos(folder, "val")]);
  return { folder, trainPhotos: train.length, validationPhotos: validation.length };
}

function bytesText(bytes: number, total: number | null): string {
  const done = `${(bytes / MEGABYTE).toFixed(1)} MB`;
  if (total === null) return `downloading: ${done}`;
  return `downloading ${bar(bytes / total)} ${done} of ${(total / MEGABYTE).toFixed(1)} MB`;
}

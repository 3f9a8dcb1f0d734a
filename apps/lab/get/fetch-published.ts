import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { EddiError } from "#shared/errors";
import { makeFolder } from "../files/make-folder.ts";
import { readModelFile } from "../import/model-file.ts";
import { type ModelSource, openSource, type SourceOptions } from "../import/source.ts";
import type { PublishedModel } from "./published.ts";

/** Bytes of all files of weights of a model that is fetched. */
const MOST_BYTES = 1 << 30;
const LABELS = "labels.txt";

export interface Fetched {
  /** Holds model.json, the files of weights, LICENSE. */
  readonly folder: string;
  readonly labels: string;
}

/**
 * Copies a published model into a folder, where it stands only when its hash is right.
 *
 * @param from a folder or address that is asked in the publisher's stead
 * @throws EddiError `unavailable` or `not-found` where it cannot be had, naming `--from`; `bad-weights` for other bytes
 *   than the published ones
 */
export async function fetchPublished(
  model: PublishedModel,
  from: string | undefined,
  folder: string,
  options: SourceOptions,
): Promise<Fetched> {
  const place = from ?? model.address;
  if (place === null) {
    const expected = `expected --from FOLDER with its model.json, weights and ${LABELS}`;
    throw new EddiError("not-found", `${model.id}: ${expected}; ${model.license.source} has no TF.js files`);
  }
  const files = await readChecked(model, await openOrExplain(model, place, options), place);
  await rm(folder, { recursive: true, force: true });
  for (const [name, bytes] of files) {
    await makeFolder(path.dirname(path.join(folder, name)));
    await writeFile(path.join(folder, name), bytes);
  }
  return { folder, labels: path.join(folder, LABELS) };
}

async function openOrExplain(
  { id }: PublishedModel,
  place: string,
  options: SourceOptions,
): Promise<ModelSource> {
  return openSource(place, options).catch((thrown: unknown) => {
    if (!(thrown instanceof EddiError)) throw thrown;
    const instead = `${thrown.message} (--from FOLDER takes a copy of ${id})`;
    throw new EddiError(thrown.code, instead, { cause: thrown });
  });
}

/** @returns by name, all that is to lie in the folder */
async function readChecked(
  { sha256, labels, license }: PublishedModel,
  source: ModelSource,
  place: string,
): Promise<ReadonlyMap<string, Uint8Array | string>> {
  const files = new Map<string, Uint8Array | string>([["model.json", source.description]]);
  const hash = createHash("sha256").update(source.description);
  for (const name of readModelFile(source).groups.flatMap(({ paths }) => paths)) {
    const bytes = await source.shard(name, MOST_BYTES);
    hash.update(bytes);
    files.set(name, bytes);
  }
  checkHash(place, sha256, hash.digest("hex"));
  if ("file" in labels) {
    const bytes = await source.shard(labels.file, MOST_BYTES);
    checkHash(`${place}, ${labels.file}`, labels.sha256, createHash("sha256").update(bytes).digest("hex"));
    files.set(LABELS, bytes);
  } else files.set(LABELS, `${labels.join("\n")}\n`);
  const given = await source.license();
  files.set("LICENSE", given?.bytes ?? `${license.name}, as ${license.source} says\n`);
  return files;
}

function checkHash(what: string, expected: string, got: string): void {
  if (got === expected) return;
  throw new EddiError(
    "bad-weights",
    `${what}: expected the published files, SHA-256 ${expected}, got ${got}`,
  );
}

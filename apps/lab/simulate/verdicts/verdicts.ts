import { readFile } from "node:fs/promises";
import path from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import type { Verdicts } from "../../evaluate/temperature.ts";
import { modelFolder } from "../../files/model-folder.ts";

/**
 * What every exit of a model says of every validation photo, so that the errors of exits hang together as they
 * do. Recorded by `lab evaluate --verdicts`.
 */
export interface ModelVerdicts {
  readonly model: string;
  /** Of the model: its metadata's temperatures and policies are part of it. */
  readonly version: string;
  readonly photos: number;
  /** Class index of each photo: [photos]. In the order of the data set: class by class. */
  readonly labels: Uint16Array;
  /** Earliest first, all of the model's. */
  readonly exits: readonly ExitVerdicts[];
}

export interface ExitVerdicts extends Verdicts {
  readonly exit: string;
  /** Class index of the largest score: [photos]. */
  readonly predicted: Uint16Array;
  /**
   * As `confidence` of shared/model: [photos], 0..1. In levels, each told as the mean of its photos, rounded
   * down to four decimals. None reaches across a threshold of the model's policies, so these decide as they do.
   */
  readonly confidence: Float64Array;
  /** Whether the predicted class is the label: [photos]. */
  readonly right: readonly boolean[];
}

export const VERDICTS_FILE = "verdicts.bin";

/**
 * The first line of what the file inflates to (Brotli), as JSON. Behind it stand the labels, uint16 [photos], then
 * of each exit the predicted classes, uint16 [photos], and then of each exit the confidence's levels, uint8 [photos];
 * little-endian.
 */
export interface VerdictsHeader {
  readonly format: 1;
  readonly model: string;
  readonly version: string;
  readonly photos: number;
  readonly exits: readonly { readonly exit: string; readonly levels: readonly number[] }[];
}

/** Inflated: of more than a million photos. */
const MAX_BYTES = 2 ** 26;

/**
 * The verdicts recorded for this version of a model.
 *
 * @param folder the model's
 * @throws EddiError `not-found` when there are none, `bad-model` for those of another version or a damaged file;
 *   all say which command makes them
 */
export async function readVerdicts(folder: string, model: Model): Promise<ModelVerdicts> {
  const file = path.join(folder, VERDICTS_FILE);
  const command = `\`npm run lab -- evaluate ${commandName(folder)} --verdicts\``;
  const bytes = await readFile(file).catch((cause: unknown) => {
    const message = `expected recorded verdicts at ${file}, got none; ${command} records them`;
    throw new EddiError("not-found", message, { cause });
  });
  return parseVerdicts(bytes, model, (expected, came) => {
    throw new EddiError(
      "bad-model",
      `${file}: expected ${expected}, got ${came}; ${command} records them anew`,
    );
  });
}

type Refuse = (expected: string, came: unknown) => never;

function parseVerdicts(bytes: Uint8Array, model: Model, refuse: Refuse): ModelVerdicts {
  const inflated = inflate(bytes, refuse);
  const end = inflated.indexOf("\n");
  const header = headerOf(inflated.subarray(0, Math.max(0, end)).toString("utf8"), model, refuse);
  const { photos } = header;
  const wanted = photos * (2 + 3 * header.exits.length);
  const data = new Uint8Array(inflated.subarray(end + 1));
  if (data.byteLength !== wanted) refuse(`${wanted} bytes of ${photos} photos`, data.byteLength);
  const classes = model.metadata.labels.length;
  const classesAt = (at: number): Uint16Array => {
    const values = new Uint16Array(data.buffer, 2 * at * photos, photos);
    const wrong = values.find((value) => value >= classes);
    return wrong === undefined ? values : refuse(`classes below ${classes}`, wrong);
  };
  const labels = classesAt(0);
  const exits = header.exits.map(({ exit, levels }, at): ExitVerdicts => {
    const predicted = classesAt(1 + at);
    const from = 2 * photos * (1 + header.exits.length) + at * photos;
    const confidence = Float64Array.from(
      data.subarray(from, from + photos),
      (level) => levels[level] ?? refuse(`levels below ${levels.length}`, level),
    );
    const right = Array.from(labels, (label, photo) => predicted[photo] === label);
    return { exit, predicted, confidence, right };
  });
  return { model: header.model, version: header.version, photos, labels, exits };
}

function inflate(bytes: Uint8Array, refuse: Refuse): Buffer {
  try {
    return brotliDecompressSync(bytes, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    return refuse("a Brotli stream", (error as Error).message);
  }
}

function headerOf(line: string, { metadata, version }: Model, refuse: Refuse): VerdictsHeader {
  let header: Partial<VerdictsHeader> | null;
  try {
    header = JSON.parse(line);
  } catch {
    return refuse("a first line of JSON", JSON.stringify(line.slice(0, 80)));
  }
  if (header?.format !== 1) refuse("format 1", header?.format);
  if (header.model !== metadata.id) refuse(`verdicts of ${metadata.id}`, `those of ${header.model}`);
  if (header.version !== version) {
    refuse(`verdicts of version ${version}, the model's`, `those of version ${header.version}`);
  }
  const { photos, exits } = header;
  if (!(Number.isSafeInteger(photos) && photos! > 0)) refuse("a number of photos", photos);
  const names = Array.isArray(exits) ? exits.map((one) => one?.exit) : [];
  const expected = metadata.exits.map(({ id }) => id);
  if (String(names) !== String(expected)) refuse(`exits ${expected.join(", ")}`, names.join(", ") || "none");
  for (const { exit, levels } of exits!) {
    const isRight = Array.isArray(levels) && levels.every((level) => level >= 0 && level <= 1);
    if (!isRight) refuse(`levels of ${exit} in 0..1`, JSON.stringify(levels)?.slice(0, 80));
  }
  return header as VerdictsHeader;
}

/** A folder as the lab's commands take it. */
function commandName(folder: string): string {
  const id = path.basename(folder);
  return path.resolve(modelFolder(id)) === path.resolve(folder) ? id : folder;
}

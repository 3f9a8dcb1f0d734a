import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, brotliDecompressSync, constants } from "node:zlib";
import { EddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import { type ExitScores, topClasses } from "../../evaluate/exit-scores.ts";
import { verdictsOf } from "../../evaluate/temperature.ts";
import { readVerdicts, VERDICTS_FILE, type VerdictsHeader } from "./verdicts.ts";

/** Of each exit's confidence, at most: 200 keep five exits of 10,000 photos at 60 kB. */
const LEVELS = 200;

/**
 * Writes the verdicts of a model's exits into its folder; `readVerdicts` says how.
 *
 * @param scores of the validation photos to report on: what simulations find is to be of photos that no choice has seen
 * @returns the file and its bytes
 * @throws EddiError `bad-model` for scores that are none
 */
export async function recordVerdicts(
  folder: string,
  { metadata, version }: Model,
  scores: ExitScores,
): Promise<{ readonly file: string; readonly bytes: number }> {
  const { exits, policies = [] } = metadata;
  for (const [at, { id }] of exits.entries()) {
    const wrong = scores.scores[at]!.findIndex(Number.isNaN);
    if (wrong < 0) continue;
    const photo = Math.floor(wrong / scores.classes);
    throw new EddiError("bad-model", `${id}: expected scores, got NaN for photo ${photo}`);
  }
  const levels = exits.map(({ id, temperature = 1 }, at) => {
    const asked = policies.flatMap(({ early }) => early.filter(({ exit }) => exit === id));
    return levelsOf(
      verdictsOf(scores, at, temperature).confidence,
      asked.map(({ threshold }) => threshold),
    );
  });
  const header: VerdictsHeader = {
    format: 1,
    model: metadata.id,
    version,
    photos: scores.labels.length,
    exits: exits.map(({ id }, at) => ({ exit: id, levels: levels[at]!.values })),
  };
  const classes = [scores.labels, ...exits.map((_, at) => topClasses(scores, at))];
  const parts = [
    Buffer.from(`${JSON.stringify(header)}\n`),
    ...classes.map((one) => Buffer.from(Uint16Array.from(one).buffer)),
    ...levels.map(({ level }) => level),
  ];
  return write(folder, Buffer.concat(parts));
}

/**
 * Takes verdicts over to another version of the model whose nodes, weights, temperatures and policies are the same.
 *
 * @returns whether there were verdicts of the version before
 */
export async function renewVerdicts(folder: string, before: Model, after: Model): Promise<boolean> {
  const known = await readVerdicts(folder, before).catch(() => null);
  if (known === null) return false;
  const inflated = brotliDecompressSync(await readFile(path.join(folder, VERDICTS_FILE)));
  const end = inflated.indexOf("\n");
  const header: VerdictsHeader = JSON.parse(inflated.subarray(0, end).toString("utf8"));
  const line = Buffer.from(JSON.stringify({ ...header, version: after.version }));
  await write(folder, Buffer.concat([line, inflated.subarray(end)]));
  return true;
}

async function write(
  folder: string,
  content: Buffer,
): Promise<{ readonly file: string; readonly bytes: number }> {
  const bytes = await promisify(brotliCompress)(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
  });
  const file = path.join(folder, VERDICTS_FILE);
  await writeFile(`${file}.part`, bytes);
  await rename(`${file}.part`, file);
  return { file, bytes: bytes.byteLength };
}

export interface Levels {
  /** What each level is told as, rising. */
  readonly values: readonly number[];
  /** By photo. */
  readonly level: Uint8Array;
}

/**
 * Sorts confidences into levels of about equally many photos, whose bounds the thresholds are among.
 *
 * @returns values that are on the same side of every threshold as the confidences they stand for
 */
export function levelsOf(confidence: Float64Array, thresholds: readonly number[]): Levels {
  const sorted = Float64Array.from(confidence).sort();
  const wanted = new Set(thresholds);
  const even = Math.max(1, LEVELS - wanted.size);
  for (let at = 1; at < even; at++) wanted.add(floored(sorted[Math.floor((at * sorted.length) / even)]!));
  const bounds = [0, ...[...wanted].filter((bound) => bound > 0).sort((a, b) => a - b)];
  if (bounds.length > 256) {
    throw new EddiError(
      "bad-metadata",
      `expected at most 255 thresholds of an exit, got ${bounds.length - 1}`,
    );
  }
  const found = confidence.map((value) => lastAtMost(bounds, value));
  const sums = bounds.map(() => ({ sum: 0, count: 0, most: 0 }));
  for (const [photo, at] of found.entries()) {
    const level = sums[at]!;
    level.sum += confidence[photo]!;
    level.count += 1;
    level.most = Math.max(level.most, confidence[photo]!);
  }
  const used = [...bounds.keys()].filter((at) => sums[at]!.count > 0);
  const place = new Map(used.map((at, level) => [at, level]));
  return {
    // What rounding does must not leave the level, neither below nor above.
    values: used.map((at) => {
      const { sum, count, most } = sums[at]!;
      return Math.max(bounds[at]!, floored(Math.min(most, sum / count)));
    }),
    level: Uint8Array.from(found, (at) => place.get(at)!),
  };
}

function floored(value: number): number {
  return Math.floor(value * 1e4) / 1e4;
}

/** Position of the last of these bounds that is at most the value; they rise from 0. */
function lastAtMost(bounds: readonly number[], value: number): number {
  let [low, high] = [0, bounds.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (bounds[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

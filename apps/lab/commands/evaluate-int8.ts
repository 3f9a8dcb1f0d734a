import type { Model } from "#shared/model";
import { reportedOnes } from "../data/halves.ts";
import type { LoadedPhotos } from "../data/pixels.ts";
import { evaluateHalves } from "../evaluate/evaluate-exits.ts";
import { scoreHalves } from "../evaluate/exit-scores.ts";
import { int8Scores } from "../evaluate/int8-scores.ts";
import { readModelFolder, rewriteMetadata } from "../files/model-folder.ts";
import { renewVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import { calibrationErrors, halvedTable } from "./exit-table.ts";
import { printJson } from "./shared-options.ts";

export interface Int8Request {
  readonly folder: string;
  readonly model: Model;
  readonly photos: LoadedPhotos;
  readonly write: boolean;
  readonly json: boolean;
}

/**
 * What the exits are worth in int8, beside what the metadata says of them in float32.
 *
 * @throws EddiError as `int8Scores`
 */
export async function evaluateInt8({ folder, model, photos, write, json }: Int8Request): Promise<void> {
  const { metadata, version } = model;
  const isReported = reportedOnes(photos);
  const scores = await int8Scores(folder, model, photos);
  const results = evaluateHalves(metadata.exits, scores, isReported);
  const lost = metadata.exits.map(({ accuracy, chosen }, at) => ({
    reported: lossOf(accuracy, results[at]!.reported.accuracy),
    chosen: lossOf(chosen ?? null, results[at]!.chosen.accuracy),
  }));
  const errors = calibrationErrors(metadata.exits, scoreHalves(scores, isReported).reportedOn);
  if (json) {
    const exits = results.map(({ reported, chosen, all }, at) => {
      return { ...reported, chosen, all, calibrationError: errors[at], lost: lost[at] };
    });
    printJson({ model: metadata.id, version, precision: "int8", exits });
  } else {
    const points = (one: number | null): string => (one === null ? "?" : (100 * one).toFixed(2));
    const told = lost.map(({ reported, chosen }) => `${points(reported)} / ${points(chosen)}`);
    process.stdout.write(
      `${halvedTable(results, errors)}\npoints lost by int8, reported / chosen on: ${told.join(", ")}\n`,
    );
  }
  if (!write) return;
  // What the exits say in float32 stays what it was.
  await rewriteMetadata(folder, (before) => ({
    ...before,
    exits: before.exits.map((exit, at) => ({
      ...exit,
      int8: results[at]!.reported.accuracy,
      int8Chosen: results[at]!.chosen.accuracy,
    })),
  }));
  await renewVerdicts(folder, model, await readModelFolder(folder));
}

const lossOf = (before: number | null, after: number): number | null =>
  before === null ? null : before - after;

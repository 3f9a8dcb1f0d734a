import type { Model } from "#shared/model";
import type { Photos } from "../data/photos.ts";
import { evaluateExits } from "../evaluate/evaluate-exits.ts";
import { int8Scores } from "../evaluate/int8-scores.ts";
import { readModelFolder, rewriteMetadata } from "../files/model-folder.ts";
import { renewVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import { calibrationErrors, exitTable } from "./exit-table.ts";
import { printJson } from "./shared-options.ts";

export interface Int8Request {
  readonly folder: string;
  readonly model: Model;
  readonly photos: Photos;
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
  const scores = await int8Scores(folder, model, photos);
  const results = evaluateExits(metadata.exits, scores);
  const lost = metadata.exits.map(({ accuracy }, at) =>
    accuracy === null ? null : accuracy - results[at]!.accuracy,
  );
  const errors = calibrationErrors(metadata.exits, scores);
  if (json) {
    const exits = results.map((one, at) => ({ ...one, calibrationError: errors[at], lost: lost[at] }));
    printJson({ model: metadata.id, version, precision: "int8", exits });
  } else {
    const points = (one: number | null): string => (one === null ? "?" : (100 * one).toFixed(2));
    process.stdout.write(
      `${exitTable(results, errors)}\npoints lost by int8: ${lost.map(points).join(", ")}\n`,
    );
  }
  if (!write) return;
  // What the exits say in float32 stays what it was.
  await rewriteMetadata(folder, (before) => ({
    ...before,
    exits: before.exits.map((exit, at) => ({ ...exit, int8: results[at]!.accuracy })),
  }));
  await renewVerdicts(folder, model, await readModelFolder(folder));
}

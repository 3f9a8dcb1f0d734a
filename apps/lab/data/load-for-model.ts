import type { StatusLine } from "../terminal/status-line.ts";
import type { Split } from "./data-set.ts";
import { cacheDir, type DataSource } from "./find-data.ts";
import { fitLabels, relabel } from "./fit-labels.ts";
import { setOfLabels } from "./official-sets.ts";
import { openData } from "./open-data.ts";
import { type LoadedPhotos, loadSplit } from "./pixels.ts";

/**
 * Opens the data set for an exported model.
 *
 * @param labels the model's classes; these tell which published set is its own
 * @returns loads a split, its photos labelled as the model numbers its classes
 * @throws EddiError as `openData` and, when the set has other classes, `fitLabels`
 */
export async function loadFor(
  labels: readonly string[],
  source: DataSource,
  status: StatusLine,
): Promise<(split: Split) => Promise<LoadedPhotos>> {
  const set = await openData({ ...source, own: setOfLabels(labels) }, status);
  const indices = fitLabels(set, labels);
  const options = { cacheDir: cacheDir(source.env), status };
  return async (split) => relabel(await loadSplit(set, split, options), indices);
}

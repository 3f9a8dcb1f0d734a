import { EddiError } from "#shared/errors";
import type { DataSet } from "./data-set.ts";
import type { Photos } from "./photos.ts";
import { packLabels } from "./pixels.ts";

/**
 * How a set's labels number a model's classes: by name, since folders are sorted and models may not be.
 *
 * @param labels the model's classes, in the order of its scores
 * @returns for each of the set's labels its index among the model's
 * @throws EddiError `bad-argument` naming what the set has too many and too few
 */
export function fitLabels(set: DataSet, labels: readonly string[]): number[] {
  const missing = labels.filter((label) => !set.labels.includes(label));
  const foreign = set.labels.filter((label) => !labels.includes(label));
  if (missing.length + foreign.length === 0) return set.labels.map((label) => labels.indexOf(label));
  const expected = `${set.folder}: expected photos of the model's ${labels.length} classes`;
  const parts = [
    ...(missing.length > 0 ? [`none of ${listed(missing)}`] : []),
    ...(foreign.length > 0 ? [`the unknown ${listed(foreign)}`] : []),
  ];
  throw new EddiError("bad-argument", `${expected}, got ${parts.join(" and ")}`);
}

/** @param indices as `fitLabels` returns them */
export function relabel<P extends Photos>(photos: P, indices: readonly number[]): P {
  if (indices.every((index, label) => index === label)) return photos;
  const labels = packLabels(
    Array.from(photos.labels, (label) => indices[label]!),
    indices.length,
  );
  return { ...photos, labels };
}

const LISTED = 10;

function listed(labels: readonly string[]): string {
  const more = labels.length - LISTED;
  return `${labels.slice(0, LISTED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

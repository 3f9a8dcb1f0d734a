import { EddiError } from "#shared/errors";
import { cifar10 } from "./cifar10.ts";
import { clothing } from "./clothing.ts";
import type { OfficialId, OfficialSet } from "./data-set.ts";
import { imagenette } from "./imagenette.ts";

export const OFFICIAL_SETS: Readonly<Record<OfficialId, OfficialSet>> = { imagenette, cifar10, clothing };

/** @throws EddiError `bad-argument` with the known names */
export function findOfficialSet(id: string): OfficialSet {
  if (Object.hasOwn(OFFICIAL_SETS, id)) return OFFICIAL_SETS[id as OfficialId];
  const known = Object.keys(OFFICIAL_SETS).join(", ");
  throw new EddiError("bad-argument", `data set: expected one of ${known}, got "${id}"`);
}

/** The published set that has these classes in this order, or null. */
export function setOfLabels(labels: readonly string[]): OfficialId | null {
  const found = Object.values(OFFICIAL_SETS).find((set) => String(set.labels) === String(labels));
  return found?.id ?? null;
}

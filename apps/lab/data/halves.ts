import { createHash } from "node:crypto";
import { EddiError } from "#shared/errors";
import { pick } from "./held-back.ts";
import type { Photos } from "./photos.ts";
import type { LoadedPhotos } from "./pixels.ts";

/** The validation photos, parted for good. */
export interface Halves {
  /** What has to be chosen (policies, codecs and their qualities) is chosen on these. */
  readonly chosenOn: Photos;
  /** No choice sees these: what a model is said to be worth is measured here. */
  readonly reportedOn: Photos;
}

/** A share of fewer photos is no figure. */
const LEAST = 5;

/** @throws EddiError as `reportedOnes` */
export function halves(photos: LoadedPhotos): Halves {
  const isReported = reportedOnes(photos);
  return {
    chosenOn: pick(photos, (photo) => !isReported[photo]),
    reportedOn: pick(photos, (photo) => isReported[photo]!),
  };
}

/**
 * Parts validation photos by a hash of what each is called: its class and its name alone decide, so that it is in the
 * same half on every machine, in every copy of the set, and whatever photos join it. About half of every class. A set
 * that parts them itself goes before.
 *
 * @returns by photo, whether it is one to report on
 * @throws EddiError `bad-argument` when a half would hold fewer than 5 photos
 */
export function reportedOnes({
  names,
  isReported = names.map(isReportedOn),
}: Pick<LoadedPhotos, "names" | "isReported">): readonly boolean[] {
  const reported = isReported.filter(Boolean).length;
  const chosen = names.length - reported;
  if (Math.min(chosen, reported) >= LEAST) return isReported;
  const expected = `expected at least ${LEAST} validation photos to choose on and ${LEAST} others to report on`;
  const came = `${chosen} and ${reported} of ${names.length}`;
  throw new EddiError("bad-argument", `--data: ${expected} (a hash of their names parts them), got ${came}`);
}

/** The first bit of the name's SHA-256. */
const isReportedOn = (name: string): boolean => createHash("sha256").update(name).digest()[0]! >= 128;

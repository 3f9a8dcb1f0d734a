import { EddiError } from "#shared/errors";
import type { SegmentModel } from "#shared/runtime";
import type { DataSource } from "../data/find-data.ts";
import { cacheDir } from "../data/find-data.ts";
import { type Halves, halves } from "../data/halves.ts";
import { holdBack, pick, thinned } from "../data/held-back.ts";
import { loadFor } from "../data/load-for-model.ts";
import { openUnlabelled } from "../data/open-unlabelled.ts";
import type { Photos } from "../data/photos.ts";
import { loadSplit, packLabels } from "../data/pixels.ts";
import { exitScores, topClasses } from "../evaluate/exit-scores.ts";
import type { StatusLine } from "../terminal/status-line.ts";

/** Photos that a codec is trained, chosen and measured on. */
export interface CodecPhotoSets {
  readonly kept: Photos;
  readonly heldBack: Photos;
  readonly measuredOn: Halves;
  /** Whether their labels are the model's classes; else they are what its last exit says of them. */
  readonly isLabelled: boolean;
}

/**
 * Photos of the model's classes where the data set has them, else any: losses are disagreement with the model then.
 *
 * @param count of each half of the validation photos, at most
 * @throws EddiError as `openUnlabelled`
 */
export async function codecPhotos(
  segments: SegmentModel,
  source: DataSource,
  count: number,
  status: StatusLine,
): Promise<CodecPhotoSets> {
  const { labels } = segments.model.metadata;
  const labelled = await loadFor(labels, source, status).catch((error: unknown) => {
    // A folder of other classes, or of none.
    if (error instanceof EddiError && ["bad-argument", "not-found"].includes(error.code)) return null;
    throw error;
  });
  if (labelled !== null) {
    const parted = halves(await labelled("validation"));
    return { ...holdBack(await labelled("train")), measuredOn: thinHalves(parted, count), isLabelled: true };
  }
  status.note("photos: not of the model's classes; what its last exit says of them is right");
  const set = await openUnlabelled({ ...source, own: null }, status);
  const place = { cacheDir: cacheDir(source.env), status };
  const { kept, heldBack } = holdBack(await loadSplit(set, "train", place));
  const hasValidation = set.splits.validation.files.length > 0;
  const parted = hasValidation ? halves(await loadSplit(set, "validation", place)) : inTurn(heldBack);
  const { chosenOn, reportedOn } = thinHalves(parted, count);
  const asked = [heldBack, chosenOn, reportedOn].map((photos) => withAnswers(segments, photos));
  const [own, chosen, reported] = (await Promise.all(asked)) as [Photos, Photos, Photos];
  return {
    kept: { ...kept, labels: packLabels(Array(kept.count).fill(0), labels.length) },
    heldBack: own,
    measuredOn: { chosenOn: chosen, reportedOn: reported },
    isLabelled: false,
  };
}

const thinHalves = ({ chosenOn, reportedOn }: Halves, count: number): Halves => ({
  chosenOn: thinned(chosenOn, count),
  reportedOn: thinned(reportedOn, count),
});

/** Without validation photos, those held back tell losses too. */
const inTurn = (photos: Photos): Halves => ({
  chosenOn: pick(photos, (photo) => photo % 2 === 0),
  reportedOn: pick(photos, (photo) => photo % 2 === 1),
});

/** Labelled with what the last exit says. */
async function withAnswers(segments: SegmentModel, photos: Photos): Promise<Photos> {
  const scores = await exitScores(segments, photos);
  const { exits, labels } = segments.model.metadata;
  return { ...photos, labels: packLabels(topClasses(scores, exits.length - 1), labels.length) };
}

import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import { packLabels } from "../data/pixels.ts";
import { type ExitScores, exitScores, topClasses } from "../evaluate/exit-scores.ts";

/** What every exit says of photos, and as their labels what the last one says. @throws EddiError as `exitScores` */
export async function scoresAgainstLast(segments: SegmentModel, photos: Photos): Promise<ExitScores> {
  const scores = await exitScores(segments, photos);
  const last = topClasses(scores, scores.scores.length - 1);
  return { ...scores, labels: packLabels(last, scores.classes) };
}

/**
 * How often each exit's top class is the label.
 *
 * @returns share of the photos by exit, 0..1; 1 for the last, where it is the judge
 */
export function agreement(scores: ExitScores): readonly number[] {
  return scores.scores.map((_, exit) => {
    const same = topClasses(scores, exit).filter((top, photo) => top === scores.labels[photo]);
    return same.length / scores.labels.length;
  });
}

/** Photos of one parity: halves that are alike, as photos stand class by class. */
export function halfOf({ classes, labels, scores }: ExitScores, parity: 0 | 1): ExitScores {
  const picked = Array.from(labels.keys()).filter((photo) => photo % 2 === parity);
  return {
    classes,
    labels: packLabels(
      picked.map((photo) => labels[photo]!),
      classes,
    ),
    scores: scores.map((own) => {
      const half = new Float32Array(picked.length * classes);
      picked.forEach((photo, at) => {
        half.set(own.subarray(photo * classes, (photo + 1) * classes), at * classes);
      });
      return half;
    }),
  };
}

/** The photos of all, one after the other. */
export function together(parts: readonly ExitScores[]): ExitScores {
  const [first] = parts as [ExitScores];
  const labels = parts.flatMap((part) => [...part.labels]);
  return {
    classes: first.classes,
    labels: packLabels(labels, first.classes),
    scores: first.scores.map((_, exit) => {
      const all = new Float32Array(labels.length * first.classes);
      let at = 0;
      for (const { scores } of parts) {
        all.set(scores[exit]!, at);
        at += scores[exit]!.length;
      }
      return all;
    }),
  };
}

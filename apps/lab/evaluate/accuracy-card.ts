import { readFile, writeFile } from "node:fs/promises";
import type { Model } from "#shared/model";
import { withSection } from "../files/card-section.ts";
import { confusionOf, confusionTable } from "./confusion.ts";
import type { Gain, HalvedResult } from "./evaluate-exits.ts";
import type { ExitScores } from "./exit-scores.ts";
import { exitWork } from "./model-work.ts";

export const ACCURACY_SECTION = "Accuracy";

export interface AccuracyReport {
  readonly model: Model;
  /** Of all validation photos. */
  readonly scores: ExitScores;
  readonly results: readonly HalvedResult[];
  /** What others reached on the same data, as Markdown; null where nothing is published. */
  readonly anchors: string | null;
  /** Whether the set itself says which validation photos are to choose on. */
  readonly isPartedBySet: boolean;
  /** Title of a section that the new accuracies make stale; it goes. */
  readonly stale: string | null;
}

/** Writes the card's section on accuracy anew. */
export async function writeAccuracy(file: string, report: AccuracyReport): Promise<void> {
  const card = await readFile(file, "utf8");
  const fresh = report.stale === null ? card : withSection(card, report.stale, null);
  await writeFile(file, withSection(fresh, ACCURACY_SECTION, section(report)));
}

function section({ model, scores, results, anchors, isPartedBySet }: AccuracyReport): string {
  const { input, labels } = model.metadata;
  const { reported, chosen } = results.at(-1)!;
  const confusion = confusionTable(confusionOf(scores, results.length - 1), labels);
  const parted = isPartedBySet
    ? "The set parts them itself, into its validation and its test photos:"
    : "A hash of the photos' names parts them:";
  const paragraphs = [
    `Top-1 on validation photos, measured on this exported model by \`lab evaluate\`: each photo as a whole,
resized to ${input.width}x${input.height} (bilinear). The page crops a centre square first. ${parted}
policies and codecs are chosen on ${chosen.photos}, and what is reported, and plans promise, is of the ${reported.photos} others. Behind it
what an exit is above the one before, on the same photos, with the paired 95 % interval in points.`,
    exitTable(model, results),
    ...(anchors === null ? [] : [anchors]),
    ...(confusion === null
      ? []
      : [`What ${reported.exit} answers, by true class, on all of them:`, confusion]),
  ];
  return paragraphs.join("\n\n");
}

function exitTable(model: Model, results: readonly HalvedResult[]): string {
  const rows = results.map(({ reported, chosen, all, gain }) => {
    const { exit, correct, photos, low, high } = reported;
    const { macs, parameters } = exitWork(model, exit);
    const size = `${(macs / 1e6).toFixed(1)} | ${(parameters / 1e6).toFixed(2)} M`;
    const interval = `${percent(low)} to ${percent(high)}`;
    const over = gain === null ? "" : gainText(gain);
    const [told, other, whole] = [reported, chosen, all].map(({ accuracy }) => percent(accuracy));
    return `| ${exit} | ${told} | ${correct} of ${photos} | ${interval} | ${over} | ${other} | ${whole} | ${size} |`;
  });
  return `| exit | top-1, reported | right | 95 % interval | above the one before | chosen on | all | MMAC | parameters |
|---|---|---|---|---|---|---|---|---|
${rows.join("\n")}`;
}

/** In points: `+0.31 (-0.20 to 0.82)`. */
export function gainText({ gain, low, high }: Gain): string {
  const [told, from, to] = [gain, low, high].map((share) => (100 * share).toFixed(2));
  return `${gain > 0 ? "+" : ""}${told} (${from} to ${to})`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

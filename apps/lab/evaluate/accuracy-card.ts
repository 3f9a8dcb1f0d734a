import { readFile, writeFile } from "node:fs/promises";
import type { Model } from "#shared/model";
import { withSection } from "../files/card-section.ts";
import { confusionOf, confusionTable } from "./confusion.ts";
import type { ExitResult } from "./evaluate-exits.ts";
import type { ExitScores } from "./exit-scores.ts";
import { exitWork } from "./model-work.ts";

export interface AccuracyReport {
  readonly model: Model;
  readonly scores: ExitScores;
  readonly results: readonly ExitResult[];
  /** What others reached on the same data, as Markdown; null where nothing is published. */
  readonly anchors: string | null;
  /** Title of a section that the new accuracies make stale; it goes. */
  readonly stale: string | null;
}

/** Writes the card's section on accuracy anew. */
export async function writeAccuracy(file: string, report: AccuracyReport): Promise<void> {
  const card = await readFile(file, "utf8");
  const fresh = report.stale === null ? card : withSection(card, report.stale, null);
  await writeFile(file, withSection(fresh, "Accuracy", section(report)));
}

function section({ model, scores, results, anchors }: AccuracyReport): string {
  const { input, labels } = model.metadata;
  const last = results.at(-1)!;
  const confusion = confusionTable(confusionOf(scores, results.length - 1), labels);
  const paragraphs = [
    `Top-1 on all validation photos, measured on this exported model by \`lab evaluate\`: each photo as a whole,
resized to ${input.width}x${input.height} (bilinear). The page crops a centre square first.`,
    exitTable(model, results),
    ...(anchors === null ? [] : [anchors]),
    ...(confusion === null ? [] : [`What ${last.exit} answers, by true class:`, confusion]),
  ];
  return paragraphs.join("\n\n");
}

function exitTable(model: Model, results: readonly ExitResult[]): string {
  const rows = results.map(({ exit, correct, photos, accuracy, low, high }) => {
    const { macs, parameters } = exitWork(model, exit);
    const size = `${(macs / 1e6).toFixed(1)} | ${(parameters / 1e6).toFixed(2)} M`;
    const interval = `${percent(low)} to ${percent(high)}`;
    return `| ${exit} | ${percent(accuracy)} | ${correct} of ${photos} | ${interval} | ${size} |`;
  });
  return `| exit | top-1 | right | 95 % interval | MMAC | parameters |
|---|---|---|---|---|---|
${rows.join("\n")}`;
}

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

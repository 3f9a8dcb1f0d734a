import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ModelMetadata } from "#shared/model";
import { cacheDir } from "../data/find-data.ts";
import { reportedOnes } from "../data/halves.ts";
import { holdBack } from "../data/held-back.ts";
import {
  type CalibratedExit,
  type Calibration,
  CONFIDENCE_SECTION,
  calibrate,
} from "../evaluate/calibrate.ts";
import { cachedExitScores } from "../evaluate/exit-scores.ts";
import { openForPhotos } from "../evaluate/open-for-photos.ts";
import type { TriedPolicy } from "../evaluate/policies.ts";
import { withSection } from "../files/card-section.ts";
import { rewriteMetadata } from "../files/model-folder.ts";
import { command } from "./command.ts";
import { flag } from "./option.ts";
import { backendOption, dataOption, jsonOption, modelArgument, printJson } from "./shared-options.ts";

export const calibrateCommand = command({
  name: "calibrate",
  about: `How sure every exit may be believed to be, and which exits should answer early when they are sure. Temperatures
are fitted on the training photos held back from training, policies on one half of the validation photos; what both are
worth is measured on the other half, which no choice sees.`,
  argument: modelArgument,
  options: {
    data: dataOption,
    backend: backendOption,
    write: flag("store temperatures and policies in the model's metadata and in its card"),
    json: jsonOption,
  },
  run: async ({ argument: { folder }, options, status }) => {
    const { segments, backend, load } = await openForPhotos(folder, options, status);
    const kept = { cacheDir: cacheDir(options.data.env), backend };
    const { heldBack } = holdBack(await load("train"));
    const onHeldBack = await cachedExitScores(segments, heldBack, kept);
    const photos = await load("validation");
    const isReported = reportedOnes(photos);
    const onValidation = await cachedExitScores(segments, photos, kept);
    const calibration = calibrate(segments.model, onHeldBack, onValidation, isReported);
    if (options.json) {
      const { metadata, version } = segments.model;
      const policies = calibration.policies.map(({ policy, cost }) => ({ ...policy, cost }));
      printJson({ model: metadata.id, version, backend, ...calibration, policies });
    } else process.stdout.write(`${report(calibration)}\n`);
    if (options.write) await store(folder, calibration);
  },
});

async function store(folder: string, calibration: Calibration): Promise<void> {
  await rewriteMetadata(folder, (metadata): ModelMetadata => {
    const { policies: _, ...rest } = metadata;
    const exits = metadata.exits.map((exit, at) => ({
      ...exit,
      temperature: calibration.exits[at]!.temperature,
    }));
    const policies = calibration.policies.map(({ policy }) => policy);
    return policies.length === 0 ? { ...rest, exits } : { ...rest, exits, policies };
  });
  const file = path.join(folder, "card.md");
  await writeFile(file, withSection(await readFile(file, "utf8"), CONFIDENCE_SECTION, report(calibration)));
}

function report({ photos, exits, policies }: Calibration): string {
  return `How sure an exit is, softmax(ln p / T), is brought in line with how often it is right: T is fitted on the
${photos.heldBack} training photos held back from training. ECE (expected calibration error, 15 bins) before and after, there and
on the ${photos.reportedOn} validation photos to report on:

| exit | T | held back: ECE | after | reported: ECE | after |
|---|---|---|---|---|---|
${exits.map(exitRow).join("\n")}

${policies.length === 0 ? "No policy beats the plain exits." : policyTable(policies, photos)}`;
}

function exitRow({ exit, temperature, heldBackError, reportedError }: CalibratedExit): string {
  const errors = [heldBackError, reportedError].flatMap(({ before, after }) => [before, after]);
  return `| ${exit} | ${temperature.toFixed(3)} | ${errors.map(percent).join(" | ")} |`;
}

function policyTable(policies: readonly TriedPolicy[], photos: Calibration["photos"]): string {
  const rows = policies.map(({ policy: { exit, early, reach, accuracy, chosen = 0 }, cost }) => {
    const asked = early.map((one) => `${one.exit} ≥ ${one.threshold}`).join(", ");
    return `| ${asked} | ${exit} | ${reach.map(percent).join(", ")} | ${percent(cost.total)} | ${percent(chosen)} | ${percent(accuracy)} |`;
  });
  return `Policies: exits that answer at once when they are so sure, and the exit that answers otherwise. Sets and thresholds
were chosen on ${photos.chosenOn} validation photos; reach (the share that goes on past each early exit), mean work (of the last
exit's) and the reported top-1 are measured on the ${photos.reportedOn} others.

| early | else | goes on | work | top-1, chosen on | reported |
|---|---|---|---|---|---|
${rows.join("\n")}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

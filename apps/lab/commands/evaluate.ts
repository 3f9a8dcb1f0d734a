import path from "node:path";
import { CODECS } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { type Model, PRECISIONS, parseCodec, type WireCodec } from "#shared/model";
import { cacheDir } from "../data/find-data.ts";
import { reportedOnes } from "../data/halves.ts";
import { setOfLabels } from "../data/official-sets.ts";
import { accuracyCurveSvg } from "../draw/accuracy-curve-svg.ts";
import { type AccuracyReport, writeAccuracy } from "../evaluate/accuracy-card.ts";
import { ANCHORS } from "../evaluate/anchors.ts";
import { CONFIDENCE_SECTION } from "../evaluate/calibrate.ts";
import { confusionOf } from "../evaluate/confusion.ts";
import {
  evaluateHalves,
  type HalvedResult,
  hasStalePolicies,
  withAccuracies,
} from "../evaluate/evaluate-exits.ts";
import { cachedExitScores, scoreHalves } from "../evaluate/exit-scores.ts";
import { exitWork, policyMacs } from "../evaluate/model-work.ts";
import { openForPhotos } from "../evaluate/open-for-photos.ts";
import { readCoders, readModelFolder, rewriteMetadata } from "../files/model-folder.ts";
import { recordVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { command } from "./command.ts";
import { evaluateCodecs } from "./evaluate-codecs.ts";
import { evaluateCut } from "./evaluate-cut.ts";
import { evaluateInt8 } from "./evaluate-int8.ts";
import { calibrationErrors, halvedTable } from "./exit-table.ts";
import { flag, oneOf, parsed, text, whole } from "./option.ts";
import {
  backendOption,
  dataOption,
  type ModelPlace,
  modelArgument,
  outOption,
  printJson,
  writeOut,
} from "./shared-options.ts";

export const evaluateCommand = command({
  name: "evaluate",
  about: `Top-1 accuracy of every exit of an exported model, with its 95 % interval and the calibration error of its
confidence, on the half of the validation photos that nothing is chosen on, beside the half that policies and codecs are
chosen on and all; and the accuracy-work curve as a picture; or what sending each of its tensors
costs under each codec, in bytes and in top-1, which plans then heed.`,
  argument: modelArgument,
  options: {
    data: dataOption,
    backend: backendOption,
    cut: text("NODE", "of the exits behind it, when its tensor travels under --codec; all validation photos"),
    codec: parsed(
      "C",
      `${CODECS.join(", ")}: with a quality as webp:60, a rate as linear:1, deflated as uint4+deflate (default uint8)`,
      readCodec,
    ),
    codecs: flag("measure codecs: bytes, plain and deflated, and the top-1 that each loses"),
    precision: oneOf(
      "P",
      PRECISIONS,
      "fp32, or int8: as the service runs tails with --precision int8",
      "fp32",
    ),
    photos: whole("of each half of the validation photos, evenly spread; with --codecs", 1, 1000),
    write: flag("store what was measured in the model's metadata and in its card"),
    verdicts: flag(
      "record in the model's folder what every exit says of every photo to report on, for simulations; last, since what is stored " +
        "in the metadata makes another version of the model",
    ),
    out: outOption("the curve, SVG (default accuracy-MODEL.svg, here)"),
    json: flag("print JSON, with the confusion matrix of the last exit"),
  },
  run: async ({ argument: place, options, status }) => {
    const { cut, codec, precision, photos: count, write, verdicts, json } = options;
    const isOfCut = cut !== undefined || codec !== undefined;
    if (verdicts && (options.codecs || isOfCut)) {
      throw new EddiError("bad-argument", "expected --verdicts without --codecs, --cut and --codec");
    }
    if (precision === "int8" && (options.codecs || isOfCut || verdicts)) {
      const expected = "expected --precision int8 without --codecs, --cut, --codec and --verdicts";
      throw new EddiError("bad-argument", expected);
    }
    if (isOfCut && !options.codecs && write) {
      throw new EddiError("bad-argument", "expected --write without --cut, which measures one cut");
    }
    const { folder } = place;
    const { segments, backend, load } = await openForPhotos(folder, options, status);
    const photos = await load("validation");
    const coders = await readCoders(folder, segments.model);
    if (options.codecs) {
      const request = { folder, segments, coders, backend, validation: photos, count, write, json };
      return evaluateCodecs(request, status);
    }
    if (isOfCut) return evaluateCut(segments, photos, coders, { cut, codec, json });
    const { model } = segments;
    if (precision === "int8") return evaluateInt8({ folder, model, photos, write, json });
    const isReported = reportedOnes(photos);
    const kept = { cacheDir: cacheDir(options.data.env), backend };
    const scores = await cachedExitScores(segments, photos, kept);
    const { reportedOn } = scoreHalves(scores, isReported);
    const exits = evaluateHalves(model.metadata.exits, scores, isReported);
    const errors = calibrationErrors(model.metadata.exits, reportedOn);
    const { out: picture = `accuracy-${model.metadata.id}.svg` } = options;
    await writeOut(picture, accuracyCurve(model, exits));
    if (json) {
      printJson({
        model: model.metadata.id,
        version: model.version,
        backend,
        exits: exits.map(({ reported, chosen, all, gain }, at) => ({
          ...reported,
          chosen,
          all,
          gain,
          calibrationError: errors[at],
          ...exitWork(model, reported.exit),
        })),
        confusion: confusionOf(scores, exits.length - 1),
        photos: photos.count,
        skipped: photos.skipped,
        picture,
      });
    } else process.stdout.write(`${halvedTable(exits, errors)}\npicture: ${picture}\n`);
    if (write)
      await store(place, model, exits, { scores, isPartedBySet: photos.isReported !== undefined }, status);
    if (!verdicts) return;
    const { file, bytes } = await recordVerdicts(folder, await readModelFolder(folder), reportedOn);
    status.note(`verdicts: ${file}, ${(bytes / 1000).toFixed(1)} kB`);
  },
});

function readCodec(given: string, option: string): WireCodec {
  const codec = parseCodec(given);
  if (codec !== null) return codec;
  const expected = `expected one of ${CODECS.join(", ")}, +deflate or not`;
  throw new EddiError("bad-argument", `${option}: ${expected}, got ${given}`);
}

/** Stores accuracies in the model's metadata and in its card. */
async function store(
  { name, folder }: ModelPlace,
  model: Model,
  exits: readonly HalvedResult[],
  measured: Pick<AccuracyReport, "scores" | "isPartedBySet">,
  status: StatusLine,
): Promise<void> {
  const isStale = hasStalePolicies(model.metadata, exits);
  await rewriteMetadata(folder, (metadata) => withAccuracies(metadata, exits));
  const set = setOfLabels(model.metadata.labels);
  const anchors = (set && ANCHORS[set]) ?? null;
  const stale = isStale ? CONFIDENCE_SECTION : null;
  await writeAccuracy(path.join(folder, "card.md"), { ...measured, model, results: exits, anchors, stale });
  if (isStale) {
    const again = `run \`lab calibrate ${name} --write\` again`;
    status.note(`early-exit policies left out, they were measured beside other accuracies: ${again}`);
  }
}

function accuracyCurve(model: Model, results: readonly HalvedResult[]): string {
  const { id, policies = [] } = model.metadata;
  const exits = results.map(({ reported }) => reported);
  const work = new Map(exits.map(({ exit }) => [exit, exitWork(model, exit).macs / 1e6]));
  const points = exits.map(({ exit, accuracy, low, high }) => {
    return { label: exit, mmacs: work.get(exit)!, accuracy, low, high };
  });
  const tried = policies.map((policy) => {
    const asked = policy.early.map(({ exit, threshold }) => `${exit} ≥ ${threshold}`).join(", ");
    return {
      label: `${asked}, else ${policy.exit}`,
      mmacs: policyMacs(model, policy) / 1e6,
      accuracy: policy.accuracy,
    };
  });
  const title = `${id}: top-1 of ${exits[0]!.photos} photos`;
  return accuracyCurveSvg({ title, exits: points, policies: tried });
}

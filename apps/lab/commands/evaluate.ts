import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { CODECS, isImageCodec, TENSOR_CODECS } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { codecWords, type Model, parseCodec } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { loadFor } from "../data/load-for-model.ts";
import { setOfLabels } from "../data/official-sets.ts";
import { dataHelp } from "../data/open-data.ts";
import type { Photos } from "../data/photos.ts";
import { accuracyCurveSvg } from "../draw/accuracy-curve-svg.ts";
import { openBackend } from "../engine/backend.ts";
import { percent, writeAccuracy } from "../evaluate/accuracy-card.ts";
import { ANCHORS } from "../evaluate/anchors.ts";
import { codedScores } from "../evaluate/coded-scores.ts";
import { confusionOf } from "../evaluate/confusion.ts";
import {
  type ExitResult,
  evaluateExits,
  hasStalePolicies,
  withAccuracies,
} from "../evaluate/evaluate-exits.ts";
import { type ExitScores, exitScores } from "../evaluate/exit-scores.ts";
import { exitWork, policyMacs } from "../evaluate/model-work.ts";
import { calibrationError, verdictsOf } from "../evaluate/temperature.ts";
import { modelFolder, openModelFolder, readModelFolder, rewriteMetadata } from "../files/model-folder.ts";
import { recordVerdicts } from "../simulate/verdicts/record-verdicts.ts";
import { makeStatusLine, type StatusLine } from "../terminal/status-line.ts";
import { CONFIDENCE_SECTION } from "./calibrate.ts";
import { evaluateCodecs } from "./evaluate-codecs.ts";

const USAGE = `npm run lab -- evaluate MODEL [options]

Top-1 accuracy of every exit of an exported model on the whole validation set, with its 95 % interval and the
calibration error of its confidence, and the accuracy-work curve as a picture; or what sending each of its tensors
costs under each codec, in bytes and in top-1, which plans then heed.

${dataHelp(20)}
  --backend NAME    auto, native, wasm or webgpu (default auto: native where it is installed, else wasm)
  --cut NODE        of the exits behind it, when its tensor travels under --codec; all validation photos
  --codec C         ${CODECS.join(", ")}: with a quality as webp:60, deflated as uint4+deflate (default uint8)
  --codecs          measure codecs: bytes, plain and deflated, and the top-1 that each loses
  --photos N        of the validation photos, evenly spread (default 1000; with --codecs)
  --write           store what was measured in the model's metadata and in its card
  --verdicts        record in the model's folder what every exit says of every photo, for simulations; last, since
                    what is stored in the metadata makes another version of the model
  --out FILE        the curve, SVG (default accuracy-MODEL.svg, here)
  --json            print JSON, with the confusion matrix of the last exit
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: "string" },
      backend: { type: "string", default: "auto" },
      cut: { type: "string" },
      codec: { type: "string" },
      codecs: { type: "boolean", default: false },
      photos: { type: "string", default: "1000" },
      write: { type: "boolean", default: false },
      verdicts: { type: "boolean", default: false },
      out: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  const [name] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  if (values.verdicts && (values.codecs || values.cut !== undefined || values.codec !== undefined)) {
    throw new EddiError("bad-argument", "expected --verdicts without --codecs, --cut and --codec");
  }
  const status = makeStatusLine(process.stderr, () => performance.now());
  const folder = modelFolder(name);
  const backend = await openBackend(values.backend);
  const segments = await openModelFolder(folder);
  const { labels } = segments.model.metadata;
  const load = await loadFor(labels, { dataOption: values.data, env: process.env }, status);
  const photos = await load("validation");
  if (values.codecs) {
    const { photos: count, write, json } = values;
    const job = { folder, segments, backend, validation: photos, photos: count, write, json };
    return evaluateCodecs(job, status);
  }
  if (values.cut !== undefined || values.codec !== undefined) {
    if (values.write)
      throw new EddiError("bad-argument", "expected --write without --cut, which measures one cut");
    return evaluateCut(segments, photos, values);
  }
  const { model } = segments;
  const scores = await exitScores(segments, photos);
  const exits = evaluateExits(model.metadata.exits, scores);
  const errors = model.metadata.exits.map(({ temperature = 1 }, exit) =>
    calibrationError(verdictsOf(scores, exit, temperature)),
  );
  const curve = values.out ?? `accuracy-${model.metadata.id}.svg`;
  await writeCurve(curve, model, exits);
  if (values.json) {
    const report = {
      model: model.metadata.id,
      version: model.version,
      backend,
      exits: exits.map((exit, at) => ({
        ...exit,
        calibrationError: errors[at],
        ...exitWork(model, exit.exit),
      })),
      confusion: confusionOf(scores, exits.length - 1),
      photos: photos.count,
      skipped: photos.skipped,
      picture: curve,
    };
    process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
  } else process.stdout.write(`${table(exits, errors)}\npicture: ${curve}\n`);
  if (values.write) await store({ name, folder, model, exits, scores }, status);
  if (!values.verdicts) return;
  const { file, bytes } = await recordVerdicts(folder, await readModelFolder(folder), scores);
  status.note(`verdicts: ${file}, ${(bytes / 1000).toFixed(1)} kB`);
}

/** Stores accuracies in the model's metadata and in its card. */
async function store(
  {
    name,
    folder,
    model,
    exits,
    scores,
  }: {
    readonly name: string;
    readonly folder: string;
    readonly model: Model;
    readonly exits: readonly ExitResult[];
    readonly scores: ExitScores;
  },
  status: StatusLine,
): Promise<void> {
  const isStale = hasStalePolicies(model.metadata, exits);
  await rewriteMetadata(folder, (metadata) => withAccuracies(metadata, exits));
  const set = setOfLabels(model.metadata.labels);
  const anchors = (set && ANCHORS[set]) ?? null;
  const stale = isStale ? CONFIDENCE_SECTION : null;
  await writeAccuracy(path.join(folder, "card.md"), { model, scores, results: exits, anchors, stale });
  if (isStale) {
    const again = `run \`lab calibrate ${name} --write\` again`;
    status.note(`early-exit policies left out, they were measured beside other accuracies: ${again}`);
  }
}

function table(exits: readonly ExitResult[], errors: readonly number[]): string {
  const rows = exits.map(({ exit, correct, photos, accuracy, low, high }, at) => {
    const interval = `${percent(low)} to ${percent(high)}`;
    const right = `(${correct} of ${photos}; 95 %: ${interval})`;
    return `${exit.padEnd(8)} ${percent(accuracy)}  ${right}  calibration error ${percent(errors[at]!)}`;
  });
  return ["exit     top-1", ...rows].join("\n");
}

/** The exits behind one tensor, when it travels under a codec. */
async function evaluateCut(
  segments: SegmentModel,
  photos: Photos,
  { cut, codec = "uint8", json }: { cut?: string | undefined; codec?: string | undefined; json: boolean },
): Promise<void> {
  const { model } = segments;
  if (cut === undefined)
    throw new EddiError("bad-argument", "--codec: expected --cut NODE beside it, got none");
  const wire = parseCodec(codec);
  const isImage = cut === model.metadata.input.node;
  if (wire === null || (isImageCodec(wire.codec) && !isImage)) {
    const known = (isImage ? CODECS : TENSOR_CODECS).join(", ");
    throw new EddiError("bad-argument", `--codec: expected one of ${known}, +deflate or not, got ${codec}`);
  }
  const { exits, scores, bytes } = await codedScores(segments, photos, cut, wire);
  const results = evaluateExits(exits, scores);
  const errors = exits.map(({ temperature = 1 }, exit) =>
    calibrationError(verdictsOf(scores, exit, temperature)),
  );
  if (json) {
    const report = { model: model.metadata.id, version: model.version, cut, codec: wire, bytes };
    const measured = results.map((one, at) => ({ ...one, calibrationError: errors[at] }));
    process.stdout.write(`${JSON.stringify({ ...report, exits: measured }, null, 1)}\n`);
  } else {
    const size = `${Math.round(bytes)} bytes a photo`;
    process.stdout.write(`${table(results, errors)}\ncut at ${cut}, ${codecWords(wire)}: ${size}\n`);
  }
}

/** Writes the accuracy-work curve. */
async function writeCurve(file: string, model: Model, exits: readonly ExitResult[]): Promise<void> {
  const { id, policies = [] } = model.metadata;
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
  const photos = exits[0]!.photos;
  const svg = accuracyCurveSvg({ title: `${id}: top-1 of ${photos} photos`, exits: points, policies: tried });
  await writeFile(file, svg).catch((cause: Error) => {
    const came = `got ${file} (${cause.message})`;
    throw new EddiError("bad-argument", `--out: expected a file that can be written, ${came}`, { cause });
  });
}

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { nodeWork } from "#shared/evaluator";
import { ancestors } from "#shared/graph";
import { elementCount, exitById, type Model } from "#shared/model";
import { openBackend } from "../backend.ts";
import { withSection } from "../card-section.ts";
import { cacheDir } from "../data/find-data.ts";
import { ensureImagenette } from "../data/get-imagenette.ts";
import { loadPhotos } from "../data/pixels.ts";
import { makeStatusLine } from "../data/status-line.ts";
import {
  type ExitResult,
  evaluateExits,
  hasStalePolicies,
  withAccuracies,
} from "../evaluate/evaluate-exits.ts";
import { exitScores } from "../evaluate/exit-scores.ts";
import { modelFolder, openModelFolder, rewriteMetadata } from "../model-folder.ts";
import { CONFIDENCE_SECTION } from "./calibrate.ts";
import { evaluateCodecs } from "./evaluate-codecs.ts";

const USAGE = `npm run lab -- evaluate MODEL [options]

Top-1 accuracy of every exit of an exported model on the whole validation set; or what sending each of its
tensors costs under each codec, in bytes and in top-1, which plans then heed.

  --data PATH       Imagenette: folder, or archive (default: EDDI_DATA, then what was downloaded; else it is now)
  --backend NAME    auto, native or wasm (default auto)
  --codecs          measure codecs: bytes, plain and deflated, and the top-1 that each loses
  --photos N        of the validation photos, evenly spread (default 1000; with --codecs)
  --write           store what was measured in the model's metadata and in its card
  --json            print JSON
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: "string" },
      backend: { type: "string", default: "auto" },
      codecs: { type: "boolean", default: false },
      photos: { type: "string", default: "1000" },
      write: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  const [name] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const status = makeStatusLine(process.stderr, () => performance.now());
  const dataFolder = await ensureImagenette({ dataOption: values.data, env: process.env }, status);
  const folder = modelFolder(name);
  const backend = await openBackend(values.backend);
  const segments = await openModelFolder(folder);
  const photos = await loadPhotos(dataFolder, "val", { cacheDir: cacheDir(process.env) });
  if (values.codecs) {
    const { photos: count, write, json } = values;
    return evaluateCodecs(
      { folder, segments, backend, validation: photos, photos: count, write, json },
      status,
    );
  }
  const exits = evaluateExits(segments.model.metadata.exits, await exitScores(segments, photos));
  const report = { model: segments.model.metadata.id, version: segments.model.version, backend, exits };
  if (values.json) process.stdout.write(`${JSON.stringify({ ...report, photos: photos.count }, null, 1)}\n`);
  else process.stdout.write(`${table(exits)}\n`);
  if (values.write) {
    const isStale = hasStalePolicies(segments.model.metadata, exits);
    await rewriteMetadata(folder, (metadata) => withAccuracies(metadata, exits));
    await writeCardSection(path.join(folder, "card.md"), segments.model, exits, isStale);
    if (isStale) {
      const again = `run \`lab calibrate ${name} --write\` again`;
      status.note(`early-exit policies left out, they were measured beside other accuracies: ${again}`);
    }
  }
}

function table(exits: readonly ExitResult[]): string {
  const rows = exits.map(({ exit, correct, photos, accuracy, low, high }) => {
    const interval = `${percent(low)} to ${percent(high)}`;
    return `${exit.padEnd(8)} ${percent(accuracy)}  (${correct} of ${photos}; 95 %: ${interval})`;
  });
  return ["exit     top-1", ...rows].join("\n");
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** Writes the card's section on accuracy anew; one on policies that are stale goes. */
async function writeCardSection(
  file: string,
  model: Model,
  exits: readonly ExitResult[],
  isStale: boolean,
): Promise<void> {
  const work = nodeWork(model);
  const rows = exits.map(({ exit, correct, photos, accuracy, low, high }) => {
    const needed = ancestors(model.dag, model.dag.names.indexOf(exitById(model.metadata, exit).node));
    const macs = work.reduce((sum, { macs }, node) => sum + (needed[node] ? macs : 0), 0);
    const parameters = parameterCount(model, (node) => needed[node]!);
    const size = `${(macs / 1e6).toFixed(1)} | ${(parameters / 1e6).toFixed(2)} M`;
    const interval = `${percent(low)} to ${percent(high)}`;
    return `| ${exit} | ${percent(accuracy)} | ${correct} of ${photos} | ${interval} | ${size} |`;
  });
  const { height, width } = model.metadata.input;
  const section = `Top-1 on all validation photos, measured on this exported model by \`lab evaluate\`: each photo as a whole,
resized to ${width}x${height} (bilinear). The page crops a centre square first.

| exit | top-1 | right | 95 % interval | MMAC | parameters |
|---|---|---|---|---|---|
${rows.join("\n")}`;
  const card = await readFile(file, "utf8");
  const fresh = isStale ? withSection(card, CONFIDENCE_SECTION, null) : card;
  await writeFile(file, withSection(fresh, "Accuracy", section));
}

/** Values in the float32 constants that these nodes read. */
function parameterCount(model: Model, includes: (node: number) => boolean): number {
  const read = new Set(model.nodes.flatMap((node, at) => (includes(at) ? node.weights : [])));
  const specs = model.shards.flatMap((shard) => shard.weights);
  return specs
    .filter(({ name, dtype }) => read.has(name) && dtype === "float32")
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

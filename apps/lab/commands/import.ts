import path from "node:path";
import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { OUTPUT_KINDS, type OutputKind } from "#shared/model";
import { MODELS_FOLDER } from "../files/model-folder.ts";
import { scoresText } from "../import/card.ts";
import { type Imported, importModel } from "../import/import-model.ts";
import { readLabels } from "../import/labels.ts";
import { makeStatusLine } from "../terminal/status-line.ts";
import { wholeNumber } from "../terminal/whole-number.ts";
import { profileAndDraw } from "./profile-and-draw.ts";

const USAGE = `npm run lab -- import URL|PATH --id ID [options]

Makes a TF.js model of images that was not made here one of ours: a GraphModel of static shapes, or a LayersModel
(Keras 2 or 3, Teachable Machine), which is converted. Every operation is checked; scales, shifts and activations are folded, weights are put in shards in
topological order, the ranges of all tensors measured. What is written is compared with the original, profiled on
this machine, and drawn. PATH is a folder or its model.json.

  --id ID             what it is called here: lower case letters, digits and -
  --labels FILE       names of the scores, one a line in their order (default: class 0 ...); two for one score that
                      tells two labels apart
  --exits NAME,NAME   nodes, layers (model/layer within models) or outputs that give scores (default: its output)
  --output KIND       what the scores are: softmax, logits, sigmoid, embedding or vector (default: what is certain;
                      what is not is asked)
  --range LO,HI       float value of pixel 0 and of pixel 255 (default 0,1)
  --data PATH         photos to measure ranges on and to compare with: a folder, or Imagenette (default: Imagenette
                      where EDDI_DATA or lab data put it, else noise)
  --out DIR           where to write, a folder of that name (default models/ID)
  --force             replaces a model that is there already
  --repeats N         timings of each segment of the profiles, 0 for no profiles (default 5)
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    // A range may begin with a minus, which would be taken for an option.
    args: args.flatMap((arg, at) =>
      args[at - 1] === "--range" ? [] : arg === "--range" ? [`--range=${args[at + 1] ?? ""}`] : [arg],
    ),
    allowPositionals: true,
    options: {
      id: { type: "string" },
      labels: { type: "string" },
      exits: { type: "string" },
      output: { type: "string" },
      range: { type: "string", default: "0,1" },
      data: { type: "string" },
      out: { type: "string" },
      force: { type: "boolean", default: false },
      repeats: { type: "string", default: "5" },
      help: { type: "boolean" },
    },
  });
  const [place, ...others] = positionals;
  if (values.help || place === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  if (others.length > 0)
    throw new EddiError("bad-argument", `expected one URL or PATH, got ${positionals.join(" ")}`);
  const id = readId(values.id);
  const folder = values.out ?? path.join(MODELS_FOLDER, id);
  if (path.basename(path.resolve(folder)) !== id) {
    throw new EddiError(
      "bad-argument",
      `--out: expected a folder called ${id}, as the service wants it, got ${folder}`,
    );
  }
  const repeats = wholeNumber("--repeats", values.repeats, 0);
  const labels = values.labels === undefined ? null : await readLabels(values.labels);
  const status = makeStatusLine(process.stderr, () => performance.now());
  const imported = await importModel({
    place,
    id,
    folder,
    labels,
    exits: values.exits === undefined ? null : readExits(values.exits),
    output: values.output === undefined ? null : readOutput(values.output),
    range: readRange(values.range),
    data: { dataOption: values.data, env: process.env },
    isForced: values.force,
    onProgress: (what) => status.update(what),
  });
  status.note(`${folder} is written`);
  process.stdout.write(summary(imported));
  for (const line of remarks(imported)) process.stdout.write(`note: ${line}\n`);
  await profileAndDraw(folder, repeats, status);
}

function summary({ model, comparison, comparedOn, counts }: Imported): string {
  const { input, exits } = model.metadata;
  const { kind, total, idle, computed, folded } = counts;
  const { height, width, channels = 3, range } = input;
  const bytes = model.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  return (
    `${model.metadata.id}: ${height}x${width}x${channels} in ${range[0]}..${range[1]}, ${scoresText(model)}, ` +
    `exits ${exits.map((exit) => `${exit.id} (${exit.node})`).join(", ")}\n` +
    `${total} ${kind === "graph" ? "operations" : "layers"} came; ${idle} idle ones dropped, ${computed} computed to ` +
    `constants, ${folded} folded into others; ${model.operations.constants} constants and ` +
    `${model.nodes.length} nodes are written\n` +
    `${(bytes / 1e6).toFixed(2)} MB of weights in ${model.shards.length} shards\n` +
    `compared on ${comparedOn}: largest difference of a score ${comparison.maxDifference.toExponential(2)}, ` +
    `the same said ${(100 * comparison.sameTop1).toFixed(1)} % of the time\n`
  );
}

/** What the user should know, and did not ask. */
function remarks({ leftOut, warnings }: Imported): readonly string[] {
  const names = leftOut.slice(0, 5).map((file) => path.basename(file));
  const more = leftOut.length > names.length ? ` and ${leftOut.length - names.length} more` : "";
  const left = leftOut.length === 0 ? [] : [`left out, as they do not decode: ${names.join(", ")}${more}`];
  return [...left, ...warnings];
}

function readOutput(text: string): OutputKind {
  const kind = OUTPUT_KINDS.find((one) => one === text);
  if (kind !== undefined) return kind;
  throw new EddiError("bad-argument", `--output: expected ${OUTPUT_KINDS.join(", ")}, got ${text}`);
}

function readId(id: string | undefined): string {
  if (id !== undefined && /^[a-z0-9][a-z0-9-]*$/.test(id)) return id;
  throw new EddiError("bad-argument", `--id: expected lower case letters, digits and -, got ${id ?? "none"}`);
}

function readExits(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => name !== "") && new Set(names).size === names.length) return names;
  throw new EddiError("bad-argument", `--exits: expected distinct names with commas between, got ${text}`);
}

function readRange(text: string): readonly [number, number] {
  const [low = Number.NaN, high = Number.NaN, ...others] = text
    .split(",")
    .map((one) => (one.trim() === "" ? Number.NaN : Number(one)));
  if (others.length === 0 && Number.isFinite(low) && Number.isFinite(high) && low < high) return [low, high];
  throw new EddiError("bad-argument", `--range: expected two numbers, rising, such as -1,1, got ${text}`);
}

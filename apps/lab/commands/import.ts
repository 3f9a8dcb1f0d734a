import path from "node:path";
import { EddiError } from "#shared/errors";
import { OUTPUT_KINDS, type OutputKind } from "#shared/model";
import { MODELS_FOLDER } from "../files/model-folder.ts";
import { scoresText } from "../import/card.ts";
import { type Imported, importModel } from "../import/import-model.ts";
import { readLabels } from "../import/labels.ts";
import { command } from "./command.ts";
import { flag, parsed, text, whole } from "./option.ts";
import { profileAndDraw } from "./profile-and-draw.ts";
import { dataOption } from "./shared-options.ts";

export const importCommand = command({
  name: "import",
  about: `Makes a TF.js model of images that was not made here one of ours: a GraphModel of static shapes, or a LayersModel
(Keras 2 or 3, Teachable Machine), which is converted. Every operation is checked; scales, shifts and activations are folded, weights are put in shards in
topological order, the ranges of all tensors measured. What is written is compared with the original, profiled on
this machine, and drawn.`,
  argument: {
    name: "URL|PATH",
    help: "of a model.json, or a folder that holds one",
    read: (place) => place,
  },
  options: {
    id: {
      value: "ID",
      help: "what it is called here: lower case letters, digits and -; must be given",
      read: readId,
    },
    labels: text(
      "FILE",
      "names of the scores, one a line in their order (default: class 0 ...); two for one score that tells two labels apart",
    ),
    exits: parsed(
      "NAME,NAME",
      "nodes, layers (model/layer within models) or outputs that give scores (default: its output)",
      readExits,
    ),
    output: parsed(
      "KIND",
      `what the scores are: ${OUTPUT_KINDS.join(", ")} (default: what is certain; what is not is asked)`,
      readOutput,
    ),
    range: parsed("LO,HI", "float value of pixel 0 and of pixel 255", readRange, "0,1"),
    data: {
      ...dataOption,
      help: "photos to measure ranges on and to compare with: a folder, or Imagenette (default: Imagenette where EDDI_DATA or lab data put it, else noise)",
    },
    out: text("DIR", "where to write, a folder of that name (default models/ID)"),
    force: flag("replaces a model that is there already"),
    repeats: whole("timings of each segment of the profiles, 0 for no profiles", 0, 5),
  },
  run: async ({ argument: place, options, status }) => {
    const { id, out: folder = path.join(MODELS_FOLDER, id), exits = null, range, data, repeats } = options;
    if (path.basename(path.resolve(folder)) !== id) {
      throw new EddiError(
        "bad-argument",
        `--out: expected a folder called ${id}, as the service wants it, got ${folder}`,
      );
    }
    const labels = options.labels === undefined ? null : await readLabels(options.labels);
    const imported = await importModel({
      place,
      id,
      folder,
      labels,
      exits,
      output: options.output ?? null,
      range,
      data,
      isForced: options.force,
      onProgress: (what) => status.update(what),
    });
    status.note(`${folder} is written`);
    process.stdout.write(summary(imported));
    for (const line of remarks(imported)) process.stdout.write(`note: ${line}\n`);
    await profileAndDraw(folder, repeats, status);
  },
});

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

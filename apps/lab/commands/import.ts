import path from "node:path";
import { EddiError } from "#shared/errors";
import { MODELS_FOLDER } from "../files/model-folder.ts";
import { type Imported, importModel } from "../import/import-model.ts";
import { readLabels } from "../import/labels.ts";
import { command } from "./command.ts";
import { flag, parsed, text, whole } from "./option.ts";
import { profileAndDraw } from "./profile-and-draw.ts";
import { dataOption } from "./shared-options.ts";

export const importCommand = command({
  name: "import",
  about: `Makes a TF.js classifier that was not made here one of ours: a GraphModel of static shapes, or a LayersModel, which
is converted. Every operation is checked; scales, shifts and activations are folded, weights are put in shards in
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
      "names of the classes, one a line in the order of the scores (default: class 0 ...)",
    ),
    exits: parsed(
      "NODE,NODE",
      "nodes (of a LayersModel: layers) that give scores, logits or probabilities (default: its output)",
      readExits,
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
      range,
      data,
      isForced: options.force,
      onProgress: (what) => status.update(what),
    });
    status.note(`${folder} is written`);
    process.stdout.write(summary(imported));
    await profileAndDraw(folder, repeats, status);
  },
});

function summary({ model, comparison, comparedOn, counts }: Imported): string {
  const { input, exits, labels } = model.metadata;
  const { kind, total, idle, computed, folded, softened } = counts;
  const { height, width, channels = 3, range } = input;
  const bytes = model.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const soft =
    softened === 0 ? "" : `, a softmax added to ${softened} of ${exits.length} exits that end in logits`;
  return (
    `${model.metadata.id}: ${height}x${width}x${channels} in ${range[0]}..${range[1]}, ${labels.length} classes, ` +
    `exits ${exits.map((exit) => `${exit.id} (${exit.node})`).join(", ")}\n` +
    `${total} ${kind === "graph" ? "operations" : "layers"} came; ${idle} idle ones dropped, ${computed} computed to ` +
    `constants, ${folded} folded into others${soft}; ${model.operations.constants} constants and ` +
    `${model.nodes.length} nodes are written\n` +
    `${(bytes / 1e6).toFixed(2)} MB of weights in ${model.shards.length} shards\n` +
    `compared on ${comparedOn}: largest difference of a score ${comparison.maxDifference.toExponential(2)}, ` +
    `same top class ${(100 * comparison.sameTop1).toFixed(1)} % of the time\n`
  );
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

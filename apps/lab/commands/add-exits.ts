import { addExits } from "../add-exits/add-exits.ts";
import { chooseNodes } from "../add-exits/choose-nodes.ts";
import { cacheDir } from "../data/find-data.ts";
import { holdBack, thinned } from "../data/held-back.ts";
import { openUnlabelled } from "../data/open-unlabelled.ts";
import { loadSplit } from "../data/pixels.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { command } from "./command.ts";
import { parsed, whole } from "./option.ts";
import { profileAndDraw } from "./profile-and-draw.ts";
import { dataOption, modelArgument, seedOption } from "./shared-options.ts";

export const addExitsCommand = command({
  name: "add-exits",
  about: `Attaches early exits to a model of one exit, such as an imported one, and trains them, and only them, to say what
the model itself says at its end: no labels are needed. Tells how often each agrees with the model's own answer,
profiles the model anew on this machine and draws it.`,
  argument: modelArgument,
  options: {
    at: parsed(
      "NODE,NODE",
      "feature maps to attach exits to (default: near a fifth and a half of the work)",
      (nodes) => nodes.split(",").map((node) => node.trim()),
    ),
    data: {
      ...dataOption,
      help: "photos, any: a data set, or a folder with images at any depth (default: Imagenette, as lab train)",
    },
    photos: whole("at most so many to train on", 1, 10_000),
    epochs: whole("times that each photo is seen", 1, 5),
    batch: whole("photos per step", 1, 32),
    seed: seedOption("of weights, order and views of the photos"),
    repeats: whole("timings of each segment of the profiles, 0 for no profiles", 0, 5),
  },
  run: async ({ argument: { folder }, options, status }) => {
    const { data, photos, repeats, at = null, ...recipe } = options;
    // What cannot be done is told before photos are decoded.
    chooseNodes(await readModelFolder(folder), at);
    const set = await openUnlabelled({ ...data, own: "imagenette" }, status);
    const place = { cacheDir: cacheDir(data.env), status };
    const { kept, heldBack } = holdBack(await loadSplit(set, "train", place));
    const hasValidation = set.splits.validation.files.length > 0;
    const added = await addExits({
      ...recipe,
      folder,
      at,
      train: thinned(kept, photos),
      others: hasValidation ? await loadSplit(set, "validation", place) : heldBack,
      measuredOn: hasValidation ? "the validation photos" : "held back from training",
      status,
    });
    for (const { id, at, agreement } of added) {
      process.stdout.write(`${id} at ${at}: says what the model says on ${(100 * agreement).toFixed(2)} %\n`);
    }
    await profileAndDraw(folder, repeats, status);
  },
});

import { addExits } from "../add-exits/add-exits.ts";
import { chooseNodes } from "../add-exits/choose-nodes.ts";
import { exitText } from "../add-exits/limits-section.ts";
import { outsidePhotos } from "../add-exits/outside.ts";
import { cacheDir } from "../data/find-data.ts";
import { holdBack, thinned } from "../data/held-back.ts";
import { openUnlabelled } from "../data/open-unlabelled.ts";
import { loadSplit } from "../data/pixels.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { command } from "./command.ts";
import { number, parsed, text, whole } from "./option.ts";
import { profileAndDraw } from "./profile-and-draw.ts";
import { dataOption, modelArgument, seedOption } from "./shared-options.ts";

export const addExitsCommand = command({
  name: "add-exits",
  about: `Attaches early exits to a model of one exit, such as an imported one, and trains them, and only them, to say what
the model itself says at its end: no labels are needed. Tells how often each agrees with the model's own answer, on photos
like those it learnt from and on others, and from which confidence on it may answer early; profiles the model anew on
this machine and draws it.`,
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
    validation: text(
      "PATH",
      "photos of other classes, to find what the exits do not know; drawings and noise join them (default: CIFAR-10, where it is)",
    ),
    risk: number(
      "R",
      "of early answers at most so many, 0.001 to 0.5, may differ from the model's",
      [0.001, 0.5],
      0.05,
    ),
    photos: whole("at most so many to train on", 1, 10_000),
    epochs: whole("times that each photo is seen", 1, 5),
    batch: whole("photos per step", 1, 32),
    seed: seedOption("of weights, order and views of the photos"),
    repeats: whole("timings of each segment of the profiles, 0 for no profiles", 0, 5),
  },
  run: async ({ argument: { folder }, options, status }) => {
    const { data, photos, repeats, validation, at = null, ...recipe } = options;
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
      outside: await outsidePhotos(validation, data.env, recipe.seed, status),
      status,
    });
    const { reached, all } = added.classes;
    process.stdout.write(`the photos are of ${reached} of the model's ${all} classes, as it says\n`);
    for (const [place, exit] of added.exits.entries()) {
      process.stdout.write(`${exitText(exit, added.at[place]!, added.outside)}\n`);
    }
    await profileAndDraw(folder, repeats, status);
  },
});

import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { addExits } from "../add-exits/add-exits.ts";
import { chooseNodes } from "../add-exits/choose-nodes.ts";
import { cacheDir } from "../data/find-data.ts";
import { holdBack, thinned } from "../data/held-back.ts";
import { openUnlabelled } from "../data/open-unlabelled.ts";
import { loadSplit } from "../data/pixels.ts";
import { modelFolder, readModelFolder } from "../files/model-folder.ts";
import { makeStatusLine } from "../terminal/status-line.ts";
import { wholeNumber } from "../terminal/whole-number.ts";
import { profileAndDraw } from "./profile-and-draw.ts";

const USAGE = `npm run lab -- add-exits MODEL [options]

Attaches early exits to a model of one exit, such as an imported one, and trains them, and only them, to say what
the model itself says at its end: no labels are needed. Tells how often each agrees with the model's own answer,
profiles the model anew on this machine and draws it.

  --at NODE,NODE   feature maps to attach exits to (default: near a fifth and a half of the work)
  --data PATH      photos, any: a data set, or a folder with images at any depth (default: Imagenette, as lab train)
  --photos N       at most so many to train on (default 10000)
  --epochs N       default 5
  --batch N        photos per step (default 32)
  --seed N         of weights, order and views of the photos (default 1)
  --repeats N      timings of each segment of the profiles, 0 for no profiles (default 5)
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      at: { type: "string" },
      data: { type: "string" },
      photos: { type: "string", default: "10000" },
      epochs: { type: "string", default: "5" },
      batch: { type: "string", default: "32" },
      seed: { type: "string", default: "1" },
      repeats: { type: "string", default: "5" },
      help: { type: "boolean" },
    },
  });
  const [name, ...more] = positionals;
  if (values.help || name === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  if (more.length > 0)
    throw new EddiError("bad-argument", `expected one MODEL, got ${positionals.join(" ")}`);
  const epochs = wholeNumber("--epochs", values.epochs, 1);
  const batch = wholeNumber("--batch", values.batch, 1);
  const seed = wholeNumber("--seed", values.seed, 0);
  const most = wholeNumber("--photos", values.photos, 1);
  const repeats = wholeNumber("--repeats", values.repeats, 0);
  const folder = modelFolder(name);
  const at = values.at === undefined ? null : values.at.split(",").map((node) => node.trim());
  // What cannot be done is told before photos are decoded.
  chooseNodes(await readModelFolder(folder), at);
  const status = makeStatusLine(process.stderr, () => performance.now());
  const set = await openUnlabelled({ dataOption: values.data, env: process.env, own: "imagenette" }, status);
  const options = { cacheDir: cacheDir(process.env), status };
  const { kept, heldBack } = holdBack(await loadSplit(set, "train", options));
  const hasValidation = set.splits.validation.files.length > 0;
  const added = await addExits({
    folder,
    at,
    train: thinned(kept, most),
    others: hasValidation ? await loadSplit(set, "validation", options) : heldBack,
    measuredOn: hasValidation ? "the validation photos" : "held back from training",
    epochs,
    batch,
    seed,
    status,
  });
  for (const { id, at, agreement } of added) {
    process.stdout.write(`${id} at ${at}: says what the model says on ${(100 * agreement).toFixed(2)} %\n`);
  }
  await profileAndDraw(folder, repeats, status);
}

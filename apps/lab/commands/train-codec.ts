import { EddiError } from "#shared/errors";
import { loadNativeTf, type Tf } from "../engine/native.ts";
import { openModelFolder, readModelFolder } from "../files/model-folder.ts";
import { codecFile } from "../fit-codec/store-codec.ts";
import { bar, type StatusLine } from "../terminal/status-line.ts";
import { readNetsAlong } from "../train-codec/along.ts";
import { codecPhotos } from "../train-codec/codec-photos.ts";
import { spanOf } from "../train-codec/cut.ts";
import { type CodecSubject, finishNets, openLearner, type TrainedNets } from "../train-codec/make-codec.ts";
import { CODEC_RECIPE, type CodecRecipe } from "../train-codec/recipe.ts";
import { type CodecCheckpoint, loadCodecCheckpoint, trainCodec } from "../train-codec/train-codec.ts";
import { lossesOption, printFinished } from "./codec-output.ts";
import { command } from "./command.ts";
import { flag, number, required, text, whole } from "./option.ts";
import { dataOption, jsonOption, modelArgument } from "./shared-options.ts";

/** For the card, which tells of losses in top-1. */
const UNLABELLED =
  "; the photos are of other classes: right is what the model's last exit says of them, lost its agreement with itself";

export const trainCodecCommand = command({
  name: "train-codec",
  about: `Trains a codec behind one tensor of a model that stays as it is, and stores it with the model: an encoder for the
edge, whole numbers told by a range coder with static tables, and a decoder for the cloud that gives a later tensor. It
learns from what the model itself makes of random views of the training photos, and from their labels where it has these
classes. Photos held back choose the rates, validation photos tell bytes and losses. Ctrl-C stops it with a checkpoint.`,
  argument: modelArgument,
  options: {
    tensor: required(text("NODE", "behind which it encodes: a map, not the image")),
    replaces: text(
      "NODE",
      "what the decoder gives (default: the smallest later map that leads to the last exit)",
    ),
    minutes: number("MIN", "how long it trains, all its runs together", [0.01, 10_000]),
    epochs: whole("the same in times that each photo is seen (default 20)", 1),
    bytes: number("BYTES", "of an image that it is steered to (default 720)", [1, 1e6]),
    seed: whole(`of weights, order and views of the photos (default ${CODEC_RECIPE.seed})`, 0),
    rates: lossesOption(
      "top-1 that may be lost beyond what the nets lose themselves, in points, one for each rate",
      "0.3,1",
    ),
    "trained-along": text(
      "DIR",
      "take the nets that lab train --codec trained along, from what it wrote there, and train nothing",
    ),
    photos: whole("of each half of the validation photos, evenly spread, that losses are told of", 1, 1000),
    data: dataOption,
    checkpoints: text("DIR", "where to keep the state (default checkpoints/MODEL/codec-NODE)"),
    resume: flag("go on from the checkpoint there, with its settings"),
    json: jsonOption,
  },
  run: async ({ argument: { folder, name: id }, options, status }) => {
    const { tensor, rates: losses, photos: count, data, resume, json, "trained-along": along } = options;
    if (along !== undefined) refuseBeside(options);
    // What cannot be done is told before photos are decoded.
    const chosen = spanOf(await readModelFolder(folder), tensor, options.replaces);
    const state = options.checkpoints ?? `checkpoints/${id}/${codecFile(tensor, "").replace(".bin", "")}`;
    const from = along === undefined ? await findCheckpoint(state, resume) : null;
    const tf = loadNativeTf();
    await tf.setBackend("tensorflow");
    const segments = await openModelFolder(folder);
    const { model } = segments;
    const found =
      along === undefined ? null : await readNetsAlong(tf, along, model, tensor, options.replaces);
    const span = found?.span ?? chosen;
    const { measuredOn, isLabelled, ...photos } = await codecPhotos(segments, data, count, status);
    const subject = { folder, segments, span, ...photos };
    status.note(`${span.tensor} is encoded, ${span.replaces} decoded`);
    const given = { ...CODEC_RECIPE, ...from?.recipe, ...givenOf(options) };
    const recipe = isLabelled ? given : { ...given, labelWeight: 0 };
    const made = found ?? (await trainNets(tf, { subject, recipe, state, from, status }));
    if (made === null) {
      status.note("stopped; the same command with --resume goes on");
      return;
    }
    const trained = `${made.trained}${isLabelled ? "" : UNLABELLED}`;
    const onProgress = (what: string, share: number) =>
      status.update(`${bar(share)} ${what} of ${tensor}: ${Math.round(100 * share)} %`);
    const done = await finishNets(subject, made.nets, { losses, measuredOn, trained, onProgress });
    printFinished(done, done.fitted, { model: model.metadata.id, ...span, ...made.facts }, json, status);
  },
});

/** What says how nets are trained says nothing where they were. */
function refuseBeside(options: Readonly<Record<string, unknown>>): void {
  const given = ["minutes", "epochs", "bytes", "seed", "checkpoints", "resume"].filter(
    (name) => options[name] !== undefined && options[name] !== false,
  );
  if (given.length === 0) return;
  const names = given.map((name) => `--${name}`).join(", ");
  throw new EddiError(
    "bad-argument",
    `--trained-along: expected no options of a training beside it, got ${names}`,
  );
}

interface Training {
  readonly subject: CodecSubject;
  readonly recipe: CodecRecipe;
  /** Where checkpoints go. */
  readonly state: string;
  readonly from: CodecCheckpoint | null;
  readonly status: StatusLine;
}

/** @returns null when a signal stopped it */
async function trainNets(tf: Tf, training: Training): Promise<TrainedNets | null> {
  const { subject, recipe, state, from, status } = training;
  const { segments, span, kept } = subject;
  const learner = await openLearner(tf, subject, recipe);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  const { model } = segments;
  const run = { model, span, recipe, photos: kept, folder: state, from, status, signal: stop.signal };
  const { finished, step, minutes } = await trainCodec(learner, run);
  if (!finished) return null;
  learner.useAverages();
  const epochs = (step * recipe.batch) / kept.count;
  const trained = `${step} steps of ${recipe.batch} views, ${epochs.toFixed(1)} epochs, ${minutes.toFixed(0)} minutes`;
  return { nets: learner.nets, trained, facts: { recipe, step, minutes } };
}

async function findCheckpoint(folder: string, resume: boolean): Promise<CodecCheckpoint | null> {
  const found = await loadCodecCheckpoint(folder);
  if (found === null || resume) return found;
  throw new EddiError("bad-argument", `${folder} holds a checkpoint: give --resume, or another folder`);
}

type RecipeOptions = Readonly<Partial<Record<"minutes" | "epochs" | "bytes" | "seed", number | undefined>>>;

/** What goes before the usual recipe. */
function givenOf({ minutes, epochs, bytes, seed }: RecipeOptions): Partial<CodecRecipe> {
  if (minutes !== undefined && epochs !== undefined) {
    throw new EddiError("bad-argument", "--minutes, --epochs: expected one of them, got both");
  }
  return {
    ...(minutes === undefined ? {} : { length: { minutes } }),
    ...(epochs === undefined ? {} : { length: { epochs } }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(seed === undefined ? {} : { seed }),
  };
}

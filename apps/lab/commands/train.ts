import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { holdBack } from "../data/held-back.ts";
import { openData } from "../data/open-data.ts";
import { loadSplit } from "../data/pixels.ts";
import { loadNativeTf } from "../engine/native.ts";
import { modelFolder, readModelFolder, readWeightsOf } from "../files/model-folder.ts";
import { hasBfloat16 } from "../train/architectures/bfloat16.ts";
import type { DetourSpan } from "../train/architectures/detour.ts";
import type { Architecture, Network } from "../train/architectures/index.ts";
import { anotherCycle, BASE_RECIPE, type Recipe } from "../train/architectures/recipe.ts";
import { type Checkpoint, loadCheckpoint } from "../train/checkpoint.ts";
import { percents } from "../train/progress.ts";
import type { StoredWeights } from "../train/start-weights.ts";
import { train } from "../train/trainer.ts";
import { codecAlong } from "../train-codec/along.ts";
import { architectureArgument } from "./architecture-argument.ts";
import { command } from "./command.ts";
import { flag, text, whole } from "./option.ts";
import { dataOption } from "./shared-options.ts";

/** The word of `--start` for weights of nobody's. */
const RANDOM = "random";

export const trainCommand = command({
  name: "train",
  about: `Trains all exits of a model on 95 % of the training photos of its data set, or of your own photos with classes of
their own; the others, held back, tell which epoch is the best, and later fit what follows training. Ctrl-C stops
it with a checkpoint. TensorBoard reads DIR/tensorboard.`,
  argument: architectureArgument,
  options: {
    data: dataOption,
    epochs: whole("times that each photo is seen (default: the model's own)", 1),
    batch: whole("photos per step (default: the model's own)", 1),
    codec: whole(
      "trains a codec along, which stands in for a tensor with half of the photos, at so many bytes of an image; " +
        "lab train-codec --trained-along stores it",
      1,
    ),
    seed: whole(`of weights, order and views of the photos (default ${BASE_RECIPE.seed})`, 0),
    checkpoints: text("DIR", "where to keep the state (default checkpoints/MODEL)"),
    start: text(
      "MODEL",
      "begin with the weights of this model, a folder under models/ or a path, in layers of the same name and shape; " +
        `${RANDOM}: with none; the model itself: for what follows its last warm restart (default: the architecture's own)`,
    ),
    resume: flag("go on from the checkpoint there, with its settings"),
  },
  run: async ({ argument: published, options, status }) => {
    const { data, checkpoints: folder = `checkpoints/${published.id}`, resume } = options;
    const { start: startsFrom = published.startsFrom ?? RANDOM } = options;
    const from = await findCheckpoint(folder, resume);
    if (from !== null && options.start !== undefined) {
      throw new EddiError(
        "bad-argument",
        `--start: expected none, ${folder} holds a checkpoint to go on from`,
      );
    }
    const { codecBytes = options.codec } = from?.recipe ?? {};
    const span = codecBytes === undefined ? null : spanOf(published);
    // Faster where the CPU has AVX-512, and safe for these (see `setTensorFlowDefaults`).
    if (published.isWide) process.env.ONEDNN_MAX_CPU_ISA ??= "AVX512_CORE_AMX";
    const tf = loadNativeTf();
    const start = from === null && startsFrom !== RANDOM ? await startWeights(startsFrom) : null;
    const set = await openData({ ...data, own: published.dataSet }, status);
    const photos = await loadSplit(set, "train", { cacheDir: cacheDir(data.env), status });
    const { kept, heldBack } = holdBack(photos);
    const { labels } = set;
    const recipe = onThisCpu({
      ...(start?.id === published.id ? anotherCycle(published.recipe) : published.recipe),
      ...(start === null ? {} : { startedFrom: start.name }),
      ...from?.recipe,
      ...givenOf(options),
    });
    const architecture = { ...published, classes: labels.length };
    const companionOf =
      span === null ? null : (network: Network) => codecAlong(tf, network, span, recipe, recipe.codecBytes!);
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
    const { signal } = stop;
    const run = {
      architecture,
      recipe,
      labels,
      train: kept,
      heldBack,
      folder,
      from,
      start: start?.weights ?? null,
      companionOf,
      status,
      signal,
    };
    const { finished, best } = await train(tf, run);
    const top = best?.accuracy
      ? `, top-1 of the exits ${percents(best.accuracy)} after epoch ${best.epoch + 1}`
      : "";
    if (finished) status.note(`finished${top}; next: lab export ${published.id}`);
    else status.note(`stopped; the same command with --resume goes on`);
  },
});

interface Start {
  readonly id: string;
  /** Of the model, with its version. */
  readonly name: string;
  readonly weights: StoredWeights;
}

async function startWeights(nameOrPath: string): Promise<Start> {
  const folder = modelFolder(nameOrPath);
  const model = await readModelFolder(folder);
  const { id } = model.metadata;
  return { id, name: `${id} (${model.version})`, weights: await readWeightsOf(folder, model) };
}

async function findCheckpoint(folder: string, resume: boolean): Promise<Checkpoint | null> {
  const found = await loadCheckpoint(folder);
  if (!found || resume) return found;
  throw new EddiError("bad-argument", `${folder} holds a checkpoint: give --resume, or another folder`);
}

/** bfloat16 is a matter of speed; without processors that know it, it is slower than float32. */
function onThisCpu(recipe: Recipe): Recipe {
  return hasBfloat16() ? recipe : { ...recipe, precision: "float32" };
}

/** @throws EddiError `bad-argument` for an architecture without a detour */
function spanOf({ id, span }: Architecture): DetourSpan {
  if (span !== undefined) return span;
  throw new EddiError("bad-argument", `--codec: expected an architecture with a detour, got ${id}`);
}

type RecipeOptions = Readonly<Partial<Record<"epochs" | "batch" | "seed" | "codec", number | undefined>>>;

/** What goes before the model's own recipe. */
function givenOf({ epochs, batch, seed, codec }: RecipeOptions): Partial<Recipe> {
  return {
    ...(epochs === undefined ? {} : { epochs }),
    ...(batch === undefined ? {} : { batch }),
    ...(seed === undefined ? {} : { seed }),
    ...(codec === undefined ? {} : { codecBytes: codec }),
  };
}

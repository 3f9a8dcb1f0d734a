import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { checkClassCount } from "../data/fit-labels.ts";
import { holdBack } from "../data/held-back.ts";
import { dataHelp, openData } from "../data/open-data.ts";
import { loadSplit, type Photos } from "../data/pixels.ts";
import { makeStatusLine, type StatusLine } from "../data/status-line.ts";
import { type Architecture, findArchitecture } from "../train/architectures/index.ts";
import { type Checkpoint, loadCheckpoint } from "../train/checkpoint.ts";
import { loadNativeTf } from "../train/native.ts";
import { percents } from "../train/progress.ts";
import { BASE_RECIPE, type Recipe } from "../train/recipe.ts";
import { train } from "../train/trainer.ts";
import { wholeNumber } from "../train/whole-number.ts";

const USAGE = `npm run lab -- train MODEL [options]

Trains all exits of a model on 95 % of the training photos of its data set; the others, held back, tell how it
is getting on, and later fit what follows training. Ctrl-C stops it with a checkpoint.

${dataHelp(22)}
  --epochs N          default: the model's own
  --batch N           photos per step (default: the model's own)
  --seed N            of weights, order and views of the photos (default ${BASE_RECIPE.seed})
  --checkpoints DIR   where to keep the state (default checkpoints/MODEL)
  --resume            go on from the checkpoint there, with its settings
`;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      data: { type: "string" },
      epochs: { type: "string" },
      batch: { type: "string" },
      seed: { type: "string" },
      checkpoints: { type: "string" },
      resume: { type: "boolean", default: false },
      help: { type: "boolean" },
    },
  });
  const [id] = positionals;
  if (values.help || id === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const architecture = findArchitecture(id);
  const folder = values.checkpoints ?? `checkpoints/${id}`;
  const from = await findCheckpoint(folder, values.resume);
  const recipe = readRecipe(values, { ...architecture.recipe, ...from?.recipe });
  // Twice as fast where the CPU has AVX-512, and safe there (see native.ts).
  if (architecture.isWide) process.env.ONEDNN_MAX_CPU_ISA ??= "AVX512_CORE";
  const tf = loadNativeTf();
  const status = makeStatusLine(process.stderr, () => performance.now());
  const { kept, heldBack } = holdBack(await trainingPhotos(architecture, values.data, status));
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  const run = { architecture, recipe, train: kept, heldBack, folder, from, status, signal: stop.signal };
  const { finished, history } = await train(tf, run);
  const accuracy = history.at(-1)?.accuracy ?? [];
  if (finished) status.note(`finished: top-1 of the exits ${percents(accuracy)}; next: lab export ${id}`);
  else status.note(`stopped; the same command with --resume goes on`);
}

async function findCheckpoint(folder: string, resume: boolean): Promise<Checkpoint | null> {
  const found = await loadCheckpoint(folder);
  if (!found || resume) return found;
  throw new EddiError("bad-argument", `${folder} holds a checkpoint: give --resume, or another folder`);
}

type RecipeOptions = Readonly<Partial<Record<"epochs" | "batch" | "seed", string | undefined>>>;

function readRecipe({ epochs, batch, seed }: RecipeOptions, base: Recipe): Recipe {
  return {
    ...base,
    ...(epochs === undefined ? {} : { epochs: wholeNumber("--epochs", epochs, 1) }),
    ...(batch === undefined ? {} : { batch: wholeNumber("--batch", batch, 1) }),
    ...(seed === undefined ? {} : { seed: wholeNumber("--seed", seed, 0) }),
  };
}

async function trainingPhotos(
  { dataSet, classes }: Architecture,
  dataOption: string | undefined,
  status: StatusLine,
): Promise<Photos> {
  const set = await openData({ dataOption, env: process.env, own: dataSet }, status);
  checkClassCount(set, classes);
  return loadSplit(set, "train", { cacheDir: cacheDir(process.env), status });
}

import { parseArgs } from "node:util";
import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { holdBack } from "../data/held-back.ts";
import { dataHelp, openData } from "../data/open-data.ts";
import { loadSplit } from "../data/pixels.ts";
import { loadNativeTf } from "../engine/native.ts";
import { makeStatusLine } from "../terminal/status-line.ts";
import { wholeNumber } from "../terminal/whole-number.ts";
import { hasBfloat16 } from "../train/architectures/bfloat16.ts";
import { ARCHITECTURE_IDS, findArchitecture } from "../train/architectures/index.ts";
import { BASE_RECIPE, type Recipe } from "../train/architectures/recipe.ts";
import { type Checkpoint, loadCheckpoint } from "../train/checkpoint.ts";
import { percents } from "../train/progress.ts";
import { train } from "../train/trainer.ts";

const USAGE = `npm run lab -- train MODEL [options]

Trains all exits of a model on 95 % of the training photos of its data set, or of your own photos with classes of
their own; the others, held back, tell which epoch is the best, and later fit what follows training. Ctrl-C stops
it with a checkpoint. TensorBoard reads DIR/tensorboard.

MODEL: ${ARCHITECTURE_IDS.join(", ")}

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
  const published = findArchitecture(id);
  const folder = values.checkpoints ?? `checkpoints/${id}`;
  const from = await findCheckpoint(folder, values.resume);
  const recipe = onThisCpu(readRecipe(values, { ...published.recipe, ...from?.recipe }));
  // Faster where the CPU has AVX-512, and safe for these (see native.ts).
  if (published.isWide) process.env.ONEDNN_MAX_CPU_ISA ??= "AVX512_CORE_BF16";
  const tf = loadNativeTf();
  const status = makeStatusLine(process.stderr, () => performance.now());
  const set = await openData({ dataOption: values.data, env: process.env, own: published.dataSet }, status);
  const photos = await loadSplit(set, "train", { cacheDir: cacheDir(process.env), status });
  const { kept, heldBack } = holdBack(photos);
  const { labels } = set;
  const architecture = { ...published, classes: labels.length };
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  const { signal } = stop;
  const run = { architecture, recipe, labels, train: kept, heldBack, folder, from, status, signal };
  const { finished, best } = await train(tf, run);
  const top = best?.accuracy
    ? `, top-1 of the exits ${percents(best.accuracy)} after epoch ${best.epoch + 1}`
    : "";
  if (finished) status.note(`finished${top}; next: lab export ${id}`);
  else status.note(`stopped; the same command with --resume goes on`);
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

type RecipeOptions = Readonly<Partial<Record<"epochs" | "batch" | "seed", string | undefined>>>;

function readRecipe({ epochs, batch, seed }: RecipeOptions, base: Recipe): Recipe {
  return {
    ...base,
    ...(epochs === undefined ? {} : { epochs: wholeNumber("--epochs", epochs, 1) }),
    ...(batch === undefined ? {} : { batch: wholeNumber("--batch", batch, 1) }),
    ...(seed === undefined ? {} : { seed: wholeNumber("--seed", seed, 0) }),
  };
}

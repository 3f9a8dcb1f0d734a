import { parseArgs } from "node:util";
import type { Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { checkClassCount } from "../data/fit-labels.ts";
import { holdBack } from "../data/held-back.ts";
import { OFFICIAL_SETS } from "../data/official-sets.ts";
import { dataHelp, openData } from "../data/open-data.ts";
import { loadSplit, type Photos } from "../data/pixels.ts";
import { makeStatusLine } from "../data/status-line.ts";
import { type CardData, writeCard } from "../export/card.ts";
import { exportNetwork } from "../export/export-network.ts";
import type { WeightsFormat } from "../export/shards.ts";
import { noiseBatches, randomiseNorms } from "../export/untrained.ts";
import {
  type Architecture,
  buildNetwork,
  findArchitecture,
  type Network,
} from "../train/architectures/index.ts";
import { plainBatch, plainBatches, spread } from "../train/batches.ts";
import { loadCheckpoint } from "../train/checkpoint.ts";
import { loadNativeTf, type Tf } from "../train/native.ts";
import { recomputeNorms } from "../train/norms.ts";
import type { Recipe } from "../train/recipe.ts";
import { modelVariables, writeValues } from "../train/weights.ts";
import { wholeNumber } from "../train/whole-number.ts";

const USAGE = `npm run lab -- export MODEL [options]

Writes a trained model as a TF.js GraphModel with our metadata: normalisations folded, weights in
shards, tensor ranges calibrated on training photos. Compares it with the trained model.

  --checkpoints DIR   what lab train wrote (default checkpoints/MODEL)
  --out DIR           where to write (default models/MODEL)
  --weights FORMAT    float32 or float16 (default float32)
${dataHelp(22)}
  --untrained         fresh random weights, for tests; calibrated on noise
  --seed N            of the random weights (default 1)
`;

const CALIBRATION_PHOTOS = 256;
/** Photos that the statistics of the normalisations are measured on, for the weights as they are exported. */
const NORM_PHOTOS = 2048;
const CHECK_PHOTOS = 64;
const BATCH = 64;

export async function run(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      checkpoints: { type: "string" },
      out: { type: "string" },
      weights: { type: "string", default: "float32" },
      data: { type: "string" },
      untrained: { type: "boolean", default: false },
      seed: { type: "string", default: "1" },
      help: { type: "boolean" },
    },
  });
  const [id] = positionals;
  if (values.help || id === undefined) {
    process.stdout.write(USAGE);
    return;
  }
  const architecture = findArchitecture(id);
  const weights = readFormat(values.weights);
  const seed = wholeNumber("--seed", values.seed, 0);
  const folder = values.out ?? `models/${id}`;
  const tf = loadNativeTf();
  const network = buildNetwork(tf, architecture, seed, architecture.size);
  let images: Images;
  let recipe: Recipe | null = null;
  let data: CardData | null = null;
  if (values.untrained) {
    randomiseNorms(tf, network, seed);
    images = noiseImages(tf, architecture.size, seed);
  } else {
    recipe = await loadTrained(tf, network, values.checkpoints ?? `checkpoints/${id}`);
    const { photos, ...facts } = await trainingPhotos(architecture, values.data);
    const { kept } = holdBack(photos);
    recomputeNorms(tf, network, plainBatches(tf, kept, spread(kept.count, NORM_PHOTOS), architecture.size));
    images = photoImages(tf, kept, architecture.size);
    data = facts;
  }
  const { labels } = data ?? OFFICIAL_SETS[architecture.dataSet];
  const result = await exportNetwork(tf, { network, labels, weights, folder, ...images });
  await writeCard(folder, { architecture, trained: recipe && data && { recipe, data }, weights });
  const difference = result.maxDifference.toExponential(2);
  const same = (result.sameTop1 * 100).toFixed(1);
  process.stdout.write(
    `${folder}: largest difference of a score ${difference}, same answer ${same} % of the time\n`,
  );
}

interface Images {
  readonly calibration: () => Iterable<Tensor4D>;
  readonly check: Tensor4D;
}

function noiseImages(tf: Tf, size: number, seed: number): Images {
  const [check] = noiseBatches(tf, size, CHECK_PHOTOS, 1, seed + 1) as Iterable<Tensor4D>;
  const calibration = () => noiseBatches(tf, size, BATCH, CALIBRATION_PHOTOS / BATCH, seed);
  return { calibration, check: check as Tensor4D };
}

function photoImages(tf: Tf, photos: Photos, size: number): Images {
  const picked = spread(photos.count, CALIBRATION_PHOTOS);
  const batch = (start: number, count: number): Tensor4D =>
    plainBatch(tf, photos, picked.subarray(start, start + count), size).images;
  function* calibration(): Generator<Tensor4D> {
    for (let start = 0; start < picked.length; start += BATCH) yield batch(start, BATCH);
  }
  const every = Math.max(1, Math.floor(picked.length / CHECK_PHOTOS));
  const check = plainBatch(
    tf,
    photos,
    picked.filter((_, i) => i % every === 0),
    size,
  ).images;
  return { calibration, check };
}

async function trainingPhotos(
  { dataSet, classes }: Architecture,
  dataOption: string | undefined,
): Promise<CardData & { readonly photos: Photos }> {
  const status = makeStatusLine(process.stderr, () => performance.now());
  const set = await openData({ dataOption, env: process.env, own: dataSet }, status);
  checkClassCount(set, classes);
  const photos = await loadSplit(set, "train", { cacheDir: cacheDir(process.env), status });
  return { id: set.id, labels: set.labels, size: set.size, trainPhotos: photos.count, photos };
}

async function loadTrained(tf: Tf, network: Network, folder: string): Promise<Recipe> {
  const checkpoint = await loadCheckpoint(folder, "best");
  if (!checkpoint)
    throw new EddiError("not-found", `${folder}: expected a checkpoint of lab train, got none`);
  const { id } = network.architecture;
  if (checkpoint.architecture !== id) {
    const came = checkpoint.architecture;
    throw new EddiError("bad-argument", `${folder}: expected a checkpoint of ${id}, got one of ${came}`);
  }
  writeValues(tf, modelVariables(network.model), checkpoint.tensors);
  return checkpoint.recipe;
}

function readFormat(text: string): WeightsFormat {
  if (text === "float32" || text === "float16") return text;
  throw new EddiError("bad-argument", `--weights: expected float32 or float16, got ${text}`);
}

import { parseArgs } from "node:util";
import type { Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import { cacheDir } from "../data/find-data.ts";
import { fitLabels } from "../data/fit-labels.ts";
import { holdBack } from "../data/held-back.ts";
import { OFFICIAL_SETS } from "../data/official-sets.ts";
import { dataHelp, openData } from "../data/open-data.ts";
import type { Photos } from "../data/photos.ts";
import { loadSplit } from "../data/pixels.ts";
import { loadNativeTf, type Tf } from "../engine/native.ts";
import { type CardFacts, writeCard } from "../export/card.ts";
import { exportNetwork } from "../export/export-network.ts";
import type { WeightsFormat } from "../export/shards.ts";
import { noiseBatches, randomiseNorms } from "../export/untrained.ts";
import { makeStatusLine } from "../terminal/status-line.ts";
import { wholeNumber } from "../terminal/whole-number.ts";
import {
  type Architecture,
  buildNetwork,
  findArchitecture,
  type Network,
} from "../train/architectures/index.ts";
import { plainBatch, plainBatches, spread } from "../train/batches.ts";
import { type Checkpoint, loadCheckpoint } from "../train/checkpoint.ts";
import { recomputeNorms } from "../train/norms.ts";
import { modelVariables, writeValues } from "../train/weights.ts";

const USAGE = `npm run lab -- export MODEL [options]

Writes a trained model as a TF.js GraphModel with our metadata: normalisations folded, weights in
shards, tensor ranges calibrated on training photos. Compares it with the trained model.

  --id ID             of the model that is written (default MODEL)
  --checkpoints DIR   what lab train wrote (default checkpoints/MODEL)
  --out DIR           where to write (default models/ID)
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
      id: { type: "string" },
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
  const weights = readFormat(values.weights);
  const seed = wholeNumber("--seed", values.seed, 0);
  const published = findArchitecture(id);
  const modelId = values.id ?? id;
  const folder = values.out ?? `models/${modelId}`;
  const tf = loadNativeTf();
  const exported = values.untrained
    ? untrained(tf, { ...published, id: modelId }, seed)
    : await trained(tf, { ...published, id: modelId }, published.id, values);
  const { network, labels, images, made } = exported;
  const result = await exportNetwork(tf, { network, labels, weights, folder, ...images });
  await writeCard(folder, { architecture: network.architecture, trained: made, weights });
  const difference = result.maxDifference.toExponential(2);
  const same = (result.sameTop1 * 100).toFixed(1);
  process.stdout.write(
    `${folder}: largest difference of a score ${difference}, same answer ${same} % of the time\n`,
  );
}

/** What is exported. */
interface Exported {
  readonly network: Network;
  readonly labels: readonly string[];
  readonly images: Images;
  /** Null for random weights. */
  readonly made: CardFacts["trained"];
}

function untrained(tf: Tf, architecture: Architecture, seed: number): Exported {
  const network = buildNetwork(tf, architecture, seed, architecture.size);
  randomiseNorms(tf, network, seed);
  const { labels } = OFFICIAL_SETS[architecture.dataSet];
  return { network, labels, images: noiseImages(tf, architecture.size, seed), made: null };
}

/** @param trainedAs the architecture that the checkpoint must be of */
async function trained(
  tf: Tf,
  published: Architecture,
  trainedAs: string,
  options: { readonly checkpoints?: string | undefined; readonly data?: string | undefined },
): Promise<Exported> {
  const checkpoint = await bestCheckpoint(options.checkpoints ?? `checkpoints/${trainedAs}`, trainedAs);
  const { labels, recipe } = checkpoint;
  const architecture = { ...published, classes: labels.length };
  const network = buildNetwork(tf, architecture, recipe.seed, architecture.size);
  writeValues(tf, modelVariables(network.model), checkpoint.tensors);
  const status = makeStatusLine(process.stderr, () => performance.now());
  const set = await openData(
    { dataOption: options.data, env: process.env, own: architecture.dataSet },
    status,
  );
  fitLabels(set, labels);
  const photos = await loadSplit(set, "train", { cacheDir: cacheDir(process.env), status });
  const { kept } = holdBack(photos);
  recomputeNorms(tf, network, plainBatches(tf, kept, spread(kept.count, NORM_PHOTOS), architecture.size));
  const isRecompressed = set.id === "cifar10" && set.splits.train.kind === "images";
  const data = { id: set.id, labels, size: set.size, trainPhotos: photos.count, isRecompressed };
  return { network, labels, images: photoImages(tf, kept, architecture.size), made: { recipe, data } };
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

async function bestCheckpoint(folder: string, architecture: string): Promise<Checkpoint> {
  const checkpoint = await loadCheckpoint(folder, "best");
  if (!checkpoint)
    throw new EddiError(
      "not-found",
      `${folder}: expected best.ckpt of lab train, which measured epochs leave; got none`,
    );
  if (checkpoint.architecture === architecture) return checkpoint;
  const came = checkpoint.architecture;
  throw new EddiError(
    "bad-argument",
    `${folder}: expected a checkpoint of ${architecture}, got one of ${came}`,
  );
}

function readFormat(text: string): WeightsFormat {
  if (text === "float32" || text === "float16") return text;
  throw new EddiError("bad-argument", `--weights: expected float32 or float16, got ${text}`);
}

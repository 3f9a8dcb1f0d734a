import type { Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import { cacheDir, type DataSource } from "../data/find-data.ts";
import { fitLabels } from "../data/fit-labels.ts";
import { holdBack } from "../data/held-back.ts";
import { OFFICIAL_SETS } from "../data/official-sets.ts";
import { openData } from "../data/open-data.ts";
import type { Photos } from "../data/photos.ts";
import { loadSplit } from "../data/pixels.ts";
import { loadNativeTf, type Tf } from "../engine/native.ts";
import { type CardFacts, writeCard } from "../export/card.ts";
import { exportNetwork } from "../export/export-network.ts";
import type { WeightsFormat } from "../export/shards.ts";
import { noiseBatches, randomiseNorms } from "../export/untrained.ts";
import type { StatusLine } from "../terminal/status-line.ts";
import { type Architecture, buildNetwork, type Network } from "../train/architectures/index.ts";
import { plainBatch, plainBatches, spread } from "../train/batches.ts";
import { type Checkpoint, loadCheckpoint } from "../train/checkpoint.ts";
import { recomputeNorms } from "../train/norms.ts";
import { modelVariables, writeValues } from "../train/weights.ts";
import { architectureArgument } from "./architecture-argument.ts";
import { command } from "./command.ts";
import { flag, oneOf, text } from "./option.ts";
import { dataOption, seedOption } from "./shared-options.ts";

const WEIGHTS: readonly WeightsFormat[] = ["float32", "float16"];
const CALIBRATION_PHOTOS = 256;
/** Photos that the statistics of the normalisations are measured on, for the weights as they are exported. */
const NORM_PHOTOS = 2048;
const CHECK_PHOTOS = 64;
const BATCH = 64;

export const exportCommand = command({
  name: "export",
  about: `Writes a trained model as a TF.js GraphModel with our metadata: normalisations folded, weights in
shards, tensor ranges calibrated on training photos. Compares it with the trained model.`,
  argument: architectureArgument,
  options: {
    id: text("ID", "of the model that is written (default MODEL)"),
    checkpoints: text("DIR", "what lab train wrote (default checkpoints/MODEL)"),
    out: text("DIR", "where to write (default models/ID)"),
    weights: oneOf("FORMAT", WEIGHTS, WEIGHTS.join(" or "), "float32"),
    data: dataOption,
    untrained: flag("fresh random weights, for tests; calibrated on noise"),
    seed: seedOption("of the random weights"),
  },
  run: async ({ argument: published, options, status }) => {
    const { id = published.id, weights, seed } = options;
    const { out: folder = `models/${id}`, checkpoints = `checkpoints/${published.id}` } = options;
    const tf = loadNativeTf();
    const architecture = { ...published, id };
    const exported = options.untrained
      ? untrained(tf, architecture, seed)
      : await trained(
          tf,
          architecture,
          await bestCheckpoint(checkpoints, published.id),
          options.data,
          status,
        );
    const { network, labels, images, made } = exported;
    const result = await exportNetwork(tf, { network, labels, weights, folder, ...images });
    await writeCard(folder, { architecture: network.architecture, trained: made, weights });
    const difference = result.maxDifference.toExponential(2);
    const same = (result.sameTop1 * 100).toFixed(1);
    process.stdout.write(
      `${folder}: largest difference of a score ${difference}, same answer ${same} % of the time\n`,
    );
  },
});

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

async function trained(
  tf: Tf,
  published: Architecture,
  checkpoint: Checkpoint,
  data: DataSource,
  status: StatusLine,
): Promise<Exported> {
  const { labels, recipe } = checkpoint;
  const architecture = { ...published, classes: labels.length };
  const network = buildNetwork(tf, architecture, recipe.seed, architecture.size);
  writeValues(tf, modelVariables(network.model), checkpoint.tensors);
  const set = await openData({ ...data, own: architecture.dataSet }, status);
  fitLabels(set, labels);
  const photos = await loadSplit(set, "train", { cacheDir: cacheDir(data.env), status });
  const { kept } = holdBack(photos);
  recomputeNorms(tf, network, plainBatches(tf, kept, spread(kept.count, NORM_PHOTOS), architecture.size));
  const isRecompressed = set.id === "cifar10" && set.splits.train.kind === "images";
  const madeOf = { id: set.id, labels, size: set.size, trainPhotos: photos.count, isRecompressed };
  return {
    network,
    labels,
    images: photoImages(tf, kept, architecture.size),
    made: { recipe, data: madeOf },
  };
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

/** @param architecture that it must be of */
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

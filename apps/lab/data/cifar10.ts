import path from "node:path";
import { EddiError } from "#shared/errors";
import type { DataSet, OfficialSet } from "./data-set.ts";
import { foldersIn, isKind, listImages } from "./list-images.ts";

/** CIFAR-10's ten classes in their official order. */
export const CIFAR10_LABELS: readonly string[] = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
];

/** Height and width of its images. */
export const CIFAR10_SIZE = 32;

const TRAIN_BATCHES = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`);
const TEST_BATCH = "test_batch.bin";

/**
 * CIFAR-10 (Krizhevsky 2009): the official binary batches, or a copy with a JPEG for each image. Its test split
 * is our validation split.
 */
export const cifar10: OfficialSet = {
  id: "cifar10",
  name: "CIFAR-10",
  labels: CIFAR10_LABELS,
  source: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
  },
  folders: ["cifar-10-batches-bin", "cifar-10-images"],
  archives: ["cifar-10-binary.tar.gz", "cifar-10-images.tar.gz"],
  layout: "data_batch_{1..5}.bin and test_batch.bin, or {train,test}/<class>/*.jpg",
  open: async (folder) => (await openBatches(folder)) ?? (await openImages(folder)),
};

async function openBatches(folder: string): Promise<DataSet | null> {
  const names = [...TRAIN_BATCHES, TEST_BATCH];
  const present = await Promise.all(names.map((name) => isKind(path.join(folder, name), "isFile")));
  if (!present.includes(true)) return null;
  const missing = names.filter((_, at) => !present[at]);
  if (missing.length > 0) {
    throw new EddiError(
      "not-found",
      `${folder}: expected CIFAR-10's six batches, got no ${missing.join(", ")}`,
    );
  }
  const split = (files: readonly string[]) =>
    ({ kind: "records", files: files.map((name) => path.join(folder, name)) }) as const;
  return cifarSet(folder, { train: split(TRAIN_BATCHES), validation: split([TEST_BATCH]) });
}

async function openImages(folder: string): Promise<DataSet | null> {
  const found = await foldersIn(path.join(folder, "train"));
  // Some of its classes and no others; which one is missing is told below.
  if (found.length === 0 || !found.every((name) => CIFAR10_LABELS.includes(name))) return null;
  if (!(await isKind(path.join(folder, "test"), "isDirectory"))) return null;
  const split = async (name: string) =>
    ({ kind: "images", files: await listImages(path.join(folder, name), CIFAR10_LABELS) }) as const;
  return cifarSet(folder, { train: await split("train"), validation: await split("test") });
}

function cifarSet(folder: string, splits: DataSet["splits"]): DataSet {
  return { id: "cifar10", labels: CIFAR10_LABELS, folder, size: CIFAR10_SIZE, splits };
}

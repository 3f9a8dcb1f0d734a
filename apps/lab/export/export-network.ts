import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Tensor4D } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import type { Tf } from "../engine/native.ts";
import type { Network } from "../train/architectures/index.ts";
import { type ArtifactParts, writeArtifact } from "./artifact.ts";
import { type Comparison, compare } from "./compare.ts";
import { packShards, type WeightsFormat } from "./shards.ts";
import { tensorRanges } from "./tensor-ranges.ts";
import { walk } from "./walk.ts";

export interface ExportJob {
  /** With its weights, built with the architecture's input size. */
  readonly network: Network;
  readonly labels: readonly string[];
  readonly weights: WeightsFormat;
  readonly folder: string;
  /** Images to calibrate the tensors' ranges on; the batches are disposed. */
  readonly calibration: () => Iterable<Tensor4D>;
  /** Images to compare the exported model with the trained one on; stays the caller's. */
  readonly check: Tensor4D;
}

/** The most that a probability of the float32 export may differ from the trained network's. */
const TOLERANCE = 1e-4;

/**
 * Writes a network as a TF.js GraphModel with our metadata, and reads it back to compare.
 *
 * @throws EddiError `bad-model` for a layer that cannot be exported, or when a float32 export does
 *   not answer as the network does
 */
export async function exportNetwork(tf: Tf, job: ExportJob): Promise<Comparison> {
  const graph = walk(job.network);
  const shards = packShards(graph, job.weights);
  const parts = { id: job.network.architecture.id, labels: job.labels, graph, shards };
  const url = pathToFileURL(path.resolve(job.folder, "model.json")).href;
  // Written twice: the ranges are measured on the model as TF.js loads it.
  const write = async (ranges: ArtifactParts["ranges"]) => {
    await writeArtifact(job.folder, { ...parts, ranges });
    return tf.loadGraphModel(url);
  };
  const draft = await write(new Map());
  const ranges = tensorRanges(draft, graph, job.calibration());
  draft.dispose();
  const model = await write(ranges);
  const result = compare(tf, job.network, model, graph, job.check);
  model.dispose();
  if (job.weights === "float32" && !(result.maxDifference <= TOLERANCE)) {
    const came = result.maxDifference.toExponential(2);
    throw new EddiError(
      "bad-model",
      `export: expected scores within ${TOLERANCE} of the network's, got ${came}`,
    );
  }
  return result;
}

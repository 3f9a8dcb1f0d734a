import { readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type ModelMetadata, readMetadata, type TensorInfo } from "#shared/model";
import { makeFolder } from "../files/make-folder.ts";
import { nodeDefs, tensorShape } from "../graph-model/node-def.ts";
import type { WeightShard } from "./shards.ts";
import type { ExportGraph } from "./walk.ts";

/** Smallest and largest value of every node's output, by node name. */
export type Ranges = ReadonlyMap<string, readonly [number, number]>;

export interface ArtifactParts {
  readonly id: string;
  readonly labels: readonly string[];
  readonly graph: ExportGraph;
  readonly shards: readonly WeightShard[];
  readonly ranges: Ranges;
  /** Float value of pixel 0 and of pixel 255; `IMAGE_RANGE` where absent. */
  readonly imageRange?: readonly [number, number];
  /** What wrote it, where it is not `lab export`. */
  readonly generatedBy?: string;
}

/** Of the images that we train on. */
const IMAGE_RANGE: readonly [number, number] = [-1, 1];

const SHARD_NAME = /^weights-\d+\.bin$/;

/** Writes model.json last: a folder with one is whole. Other files of the folder stay. */
export async function writeArtifact(folder: string, parts: ArtifactParts): Promise<void> {
  const modelFile = path.join(folder, "model.json");
  await makeFolder(folder);
  await rm(modelFile, { force: true });
  for (const name of await readdir(folder)) if (SHARD_NAME.test(name)) await rm(path.join(folder, name));
  for (const shard of parts.shards) await writeFile(path.join(folder, shard.path), shard.bytes);
  await writeFile(`${modelFile}.part`, `${JSON.stringify(modelJson(parts))}\n`);
  await rename(`${modelFile}.part`, modelFile);
}

/** The TF.js GraphModel file, our metadata among the user's. */
export function modelJson(parts: ArtifactParts): object {
  const { graph, shards } = parts;
  const metadata = readMetadata(describe(parts));
  const signature = (node: string) => ({
    name: `${node}:0`,
    dtype: "DT_FLOAT",
    tensorShape: tensorShape([-1, ...(metadata.tensors[node] as TensorInfo).shape]),
  });
  return {
    format: "graph-model",
    generatedBy: parts.generatedBy ?? "eddi lab export",
    convertedBy: null,
    signature: {
      inputs: { [metadata.input.node]: signature(metadata.input.node) },
      outputs: Object.fromEntries(graph.exits.map(({ id, node }) => [id, signature(node)])),
    },
    modelTopology: { node: graph.nodes.flatMap(nodeDefs), library: {}, versions: { producer: 1087 } },
    weightsManifest: shards.map(({ path: file, weights }) => ({ paths: [file], weights })),
    userDefinedMetadata: { eddi: metadata },
  };
}

function describe({
  id,
  labels,
  graph,
  shards,
  ranges,
  imageRange = IMAGE_RANGE,
}: ArtifactParts): ModelMetadata {
  const input = graph.nodes.find(({ op }) => op === "Placeholder");
  const [height = 0, width = 0, channels] = input?.shape ?? [];
  const tensors = graph.nodes.map(({ name, shape }): [string, TensorInfo] => {
    const range = ranges.get(name) ?? [0, 0];
    return [name, { shape, dtype: "float32", range: rising(name === input?.name ? imageRange : range) }];
  });
  return {
    format: 1,
    id,
    input: {
      node: input?.name ?? "",
      height,
      width,
      ...(channels === 1 ? { channels } : {}),
      range: imageRange,
    },
    labels,
    exits: graph.exits.map((exit) => ({ ...exit, accuracy: null })),
    tensors: Object.fromEntries(tensors),
    shards: Object.fromEntries(shards.map(({ path: file, info }) => [file, info])),
  };
}

/** A tensor that never changed still needs a range with some width. */
function rising([lo, hi]: readonly [number, number]): [number, number] {
  return hi > lo ? [lo, hi] : [lo, lo + Math.max(1e-6, Math.abs(lo) * 1e-6)];
}

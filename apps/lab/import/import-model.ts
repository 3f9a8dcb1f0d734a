import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { dispose, type Tensor4D } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { type Model, type ModelInput, type OutputKind, readModel } from "#shared/model";
import type { DataSource } from "../data/find-data.ts";
import { openBackend } from "../engine/backend.ts";
import { modelJson, writeArtifact } from "../export/artifact.ts";
import type { Comparison } from "../export/compare.ts";
import { packShards } from "../export/shards.ts";
import { openModelFolder } from "../files/model-folder.ts";
import { putFolder } from "../files/put-folder.ts";
import { Reasons } from "../graph-model/reasons.ts";
import { sidesOf } from "./attributes.ts";
import { importCard } from "./card.ts";
import { compareScores } from "./compare-scores.ts";
import { foldLinear } from "./fold-linear.ts";
import type { ForeignNode } from "./graph.ts";
import { findImages, imageBatch, noise } from "./images.ts";
import { labelsFor } from "./labels.ts";
import { makeStatic } from "./make-static.ts";
import { measureRanges, seenScores } from "./measure-images.ts";
import { readModelFile, readWeights } from "./model-file.ts";
import { openForeign } from "./open-foreign.ts";
import { rangeWarnings } from "./range-warnings.ts";
import { withScores } from "./scores.ts";
import { openSource } from "./source.ts";
import { straighten } from "./straighten.ts";
import { toExportGraph } from "./to-export.ts";

export interface ImportJob {
  /** A folder, a model.json, or the address of one of these. */
  readonly place: string;
  /** Of the model to be. */
  readonly id: string;
  /** Where it is written; its name is the id. */
  readonly folder: string;
  /** Class names, in the order of the scores; null for `class 0` and so on. */
  readonly labels: readonly string[] | null;
  /** Nodes or layers whose outputs are scores; null for the model's own output. */
  readonly exits: readonly string[] | null;
  /** What the scores are; found out where it is absent or null. */
  readonly output?: OutputKind | null;
  /** Float value of pixel 0 and of pixel 255. */
  readonly range: readonly [number, number];
  /** Photos to measure ranges on and to compare with. */
  readonly data: DataSource;
  /** Replaces a model that is there already. */
  readonly isForced: boolean;
  readonly onProgress: (what: string) => void;
}

export interface Imported {
  readonly model: Model;
  readonly comparison: Comparison;
  readonly comparedOn: string;
  /** Photos that did not decode. */
  readonly leftOut: readonly string[];
  /** What speaks against the range of the images. */
  readonly warnings: readonly string[];
  readonly counts: ImportCounts;
}

/** What became of the nodes. */
export interface ImportCounts {
  readonly kind: "graph" | "layers";
  /** Nodes, or layers, of the model as it came. */
  readonly total: number;
  /** That only passed something on. */
  readonly idle: number;
  /** Computed once and for all. */
  readonly computed: number;
  /** Folded or fused into others. */
  readonly folded: number;
}

const CALIBRATION_IMAGES = 128;
const CHECK_IMAGES = 64;
const SHOWN_IMAGES = 3;

/** The most that a score may differ from the original's, of scores up to 1; where float16 weights were rounded anew, the other. */
const TOLERANCE = 1e-4;
const ROUNDED_TOLERANCE = 1e-2;

/**
 * Imports somebody else's classifier: checks it, folds what can be folded, writes it as one of ours, compares
 * what was written with the original. Nothing is left behind when that fails.
 *
 * @throws EddiError `bad-model` with all that cannot be imported, or when the written model answers otherwise;
 *   `bad-weights`, `not-found`, `unavailable` for files; `bad-argument` for options that do not fit
 */
export async function importModel(job: ImportJob): Promise<Imported> {
  const { folder, isForced, onProgress } = job;
  const isThere = (await stat(folder).catch(() => null)) !== null;
  if (isThere && !isForced) {
    throw new EddiError(
      "bad-argument",
      `${folder}: expected a new folder, it is there already (--force replaces it)`,
    );
  }
  return putFolder(folder, async (draft) => {
    const imported = await writeDraft(job, draft);
    onProgress("done");
    return imported;
  });
}

async function writeDraft(job: ImportJob, draft: string): Promise<Imported> {
  const { place, id, onProgress } = job;
  const reasons = new Reasons();
  // WASM is what every browser has: what runs there runs everywhere.
  await openBackend("wasm");
  const source = await openSource(place, {
    onProgress: (file, bytes) => onProgress(`${file}: ${(bytes / 1e6).toFixed(1)} MB`),
  });
  const file = readModelFile(source);
  onProgress("reading weights");
  const weights = await readWeights(source, file);
  const foreign = await openForeign(file, weights, job.exits, reasons);
  reasons.check(place);
  if (foreign === null) throw new EddiError("internal", `${place}: expected reasons, got none`);

  const input = inputOf(foreign.graph.nodes[0] as ForeignNode, job.range);
  onProgress("decoding photos");
  const photos = await findImages(job.data, input, CALIBRATION_IMAGES);
  onProgress("running every node");
  const fixed = withImages(input, (pair, both) => makeStatic(straighten(foreign.graph), pair, both, reasons));
  reasons.check(place);
  const said = { output: job.output ?? null, hasLabels: job.labels !== null };
  const scored = withScores(fixed, seenScores(fixed.graph, photos.some(SHOWN_IMAGES), input), said, reasons);
  reasons.check(place);
  const labels = labelsFor(job.labels, scored.width, scored.output);
  const { graph, folded, isRounded } = foldLinear(scored.graph, scored.shapes);
  const exported = toExportGraph(graph, scored.shapes);
  const parts = {
    id,
    labels,
    graph: exported,
    shards: packShards(exported, "float32"),
    imageRange: job.range,
    generatedBy: "eddi lab import",
  };
  // Whatever our own reader would refuse is refused before anything is written.
  readModel(new TextEncoder().encode(JSON.stringify(modelJson({ ...parts, ranges: new Map() }))));

  await openBackend("auto");
  const ranges = measureRanges(graph, exported, photos, input, onProgress);
  await writeArtifact(draft, { ...parts, ranges });
  const written = await openModelFolder(draft);
  const checked = photos.some(CHECK_IMAGES);
  onProgress(`comparing on ${checked.kind}`);
  const original = await foreign.original();
  const comparison = await compareScores(written, original, checked);
  original.dispose();
  const warnings = rangeWarnings({ graph: scored.graph, written, photos: checked });
  written.dispose();
  const tolerance = (isRounded ? ROUNDED_TOLERANCE : TOLERANCE) * Math.max(1, comparison.largest);
  if (!(comparison.maxDifference <= tolerance)) {
    const came = comparison.maxDifference.toExponential(2);
    throw new EddiError(
      "bad-model",
      `${place}: expected scores within ${Number(tolerance.toPrecision(3))} of the original's, got ${came}`,
    );
  }
  const license = await source.license();
  if (license !== null) await writeFile(path.join(draft, license.name), license.bytes);
  const facts = {
    source,
    kind: file.kind,
    model: written.model,
    license,
    calibratedOn: photos.kind,
    comparedOn: checked.kind,
    comparedWith: original.kind,
    comparison,
    hasNames: job.labels !== null,
  };
  await writeFile(path.join(draft, "card.md"), importCard(facts));
  return {
    model: written.model,
    comparison,
    comparedOn: checked.kind,
    leftOut: photos.leftOut,
    warnings,
    counts: {
      kind: file.kind,
      total: foreign.total,
      idle: foreign.idle,
      computed: fixed.folded,
      folded,
    },
  };
}

/** Lends two images of noise, one by one and both at once. */
function withImages<T>(input: ModelInput, use: (pair: [Tensor4D, Tensor4D], both: Tensor4D) => T): T {
  const images = noise(input, 2);
  const tensors = [
    imageBatch(images, input, 0, 1),
    imageBatch(images, input, 1, 1),
    imageBatch(images, input, 0, 2),
  ];
  try {
    const [one, two, both] = tensors as [Tensor4D, Tensor4D, Tensor4D];
    return use([one, two], both);
  } finally {
    dispose(tensors);
  }
}

function inputOf({ name, attr }: ForeignNode, range: readonly [number, number]): ModelInput {
  const [, height, width, channels] = sidesOf(attr, "shape") ?? [];
  return { node: name, height: height ?? 0, width: width ?? 0, channels: channels === 1 ? 1 : 3, range };
}

import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { concat, dispose } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { type Model, type ModelInput, readModel } from "#shared/model";
import type { DataSource } from "../data/find-data.ts";
import { openBackend } from "../engine/backend.ts";
import { modelJson, type Ranges, writeArtifact } from "../export/artifact.ts";
import { calibrate } from "../export/calibrate.ts";
import type { Comparison } from "../export/compare.ts";
import { packShards } from "../export/shards.ts";
import { openModelFolder } from "../files/model-folder.ts";
import { putFolder } from "../files/put-folder.ts";
import { sidesOf } from "./attributes.ts";
import { importCard } from "./card.ts";
import { compareScores } from "./compare-scores.ts";
import { foldLinear } from "./fold-linear.ts";
import type { ForeignNode } from "./graph.ts";
import { findImages, type Images, imageBatch, noise } from "./images.ts";
import { labelsFor } from "./labels.ts";
import { makeStatic } from "./make-static.ts";
import { readModelFile, readWeights } from "./model-file.ts";
import { openForeign } from "./open-foreign.ts";
import { Reasons } from "./reasons.ts";
import { openGraph } from "./run-graph.ts";
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
  /** Exits that end in logits, which a softmax follows now. */
  readonly softened: number;
}

const CALIBRATION_IMAGES = 128;
const CHECK_IMAGES = 64;
const BATCH = 8;

/** The most that a score may differ from the original's; where float16 weights were rounded anew, the other. */
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

  const [image] = foreign.graph.nodes;
  const input = inputOf(image as ForeignNode, job.range);
  onProgress("running every node");
  const [one, two] = [
    await imageBatch(noise(input, 2), input, 0, 1),
    await imageBatch(noise(input, 2), input, 1, 1),
  ];
  const both = concat([one, two]);
  const fixed = makeStatic(straighten(foreign.graph), [one, two], both, reasons);
  dispose([one, two, both]);
  const scored = withScores(fixed, reasons);
  reasons.check(place);
  const labels = labelsFor(job.labels, scored.classes);
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
  const calibration = await findImages(job.data, input, CALIBRATION_IMAGES);
  const running = openGraph(graph);
  const ranges = new Map<string, [number, number]>();
  for (let start = 0; start < calibration.count; start += BATCH) {
    onProgress(`measuring ranges on ${calibration.kind}: ${start}`);
    const batch = await imageBatch(calibration, input, start, Math.min(BATCH, calibration.count - start));
    widen(ranges, calibrate(running, exported, [batch]));
  }
  running.dispose();
  await writeArtifact(draft, { ...parts, ranges });

  const written = await openModelFolder(draft);
  const checked: Images = await findImages(job.data, input, CHECK_IMAGES);
  onProgress(`comparing on ${checked.kind}`);
  const original = await foreign.original();
  const comparison = await compareScores(written, original, checked, scored.isSoftened);
  original.dispose();
  written.dispose();
  const tolerance = isRounded ? ROUNDED_TOLERANCE : TOLERANCE;
  if (!(comparison.maxDifference <= tolerance)) {
    const came = comparison.maxDifference.toExponential(2);
    throw new EddiError(
      "bad-model",
      `${place}: expected scores within ${tolerance} of the original's, got ${came}`,
    );
  }
  const license = await source.license();
  if (license !== null) await writeFile(path.join(draft, license.name), license.bytes);
  const facts = {
    source,
    kind: file.kind,
    model: written.model,
    license,
    calibratedOn: calibration.kind,
    comparedOn: checked.kind,
    comparison,
    hasNames: job.labels !== null,
  };
  await writeFile(path.join(draft, "card.md"), importCard(facts));
  return {
    model: written.model,
    comparison,
    comparedOn: checked.kind,
    counts: {
      kind: file.kind,
      total: foreign.total,
      idle: foreign.idle,
      computed: fixed.folded,
      folded,
      softened: scored.isSoftened.filter(Boolean).length,
    },
  };
}

function inputOf({ name, attr }: ForeignNode, range: readonly [number, number]): ModelInput {
  const [, height, width, channels] = sidesOf(attr, "shape") ?? [];
  return { node: name, height: height ?? 0, width: width ?? 0, channels: channels === 1 ? 1 : 3, range };
}

/** The least and the greatest over several measurements. */
function widen(ranges: Map<string, [number, number]>, more: Ranges): void {
  for (const [name, [low, high]] of more) {
    const [least, most] = ranges.get(name) ?? [low, high];
    ranges.set(name, [Math.min(least, low), Math.max(most, high)]);
  }
}

import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Tensor4D } from "@tensorflow/tfjs";
import { type Model, type ModelMetadata, outputKind } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import { thinned } from "../data/held-back.ts";
import type { Photos } from "../data/photos.ts";
import { loadNativeTf } from "../engine/native.ts";
import { inputBatches } from "../evaluate/exit-scores.ts";
import { writeArtifact } from "../export/artifact.ts";
import { packShards } from "../export/shards.ts";
import { tensorRanges } from "../export/tensor-ranges.ts";
import { withSection } from "../files/card-section.ts";
import { openModelFolder, rewriteMetadata } from "../files/model-folder.ts";
import { putFolder } from "../files/put-folder.ts";
import { keepCodecs } from "../fit-codec/store-codec.ts";
import { inHalf } from "../graph-model/half.ts";
import type { Constant, GraphNode } from "../graph-model/node-def.ts";
import { Reasons } from "../graph-model/reasons.ts";
import type { ForeignGraph } from "../import/graph.ts";
import { readModelFile, readWeights, toConstant } from "../import/model-file.ts";
import { readGraph } from "../import/read-graph.ts";
import { openGraph } from "../import/run-graph.ts";
import { openSource } from "../import/source.ts";
import { toExportGraph } from "../import/to-export.ts";
import { VERDICTS_FILE } from "../simulate/verdicts/verdicts.ts";
import { recomputeNorms } from "../train/norms.ts";
import { type Branch, branchNodes, makeBranch } from "./branch.ts";
import { chooseNodes } from "./choose-nodes.ts";
import { distil } from "./distil.ts";
import type { AddExitsJob, AddedExits } from "./job.ts";
import { knowLimits, type Limits } from "./know-limits.ts";
import { limitsSection } from "./limits-section.ts";

const CALIBRATION_PHOTOS = 128;
const NORM_PHOTOS = 512;
const BATCH = 16;

/**
 * Attaches exits to a model that has one and trains them by what the model itself says. The model's own exit stays
 * as it is, bit by bit, and so do the codecs of its tensors. Profiles go, as they are those of another graph.
 *
 * @throws EddiError as `chooseNodes` and `distil`; `unavailable` without the native backend
 */
export async function addExits(job: AddExitsJob): Promise<AddedExits> {
  const { folder, status } = job;
  const tf = loadNativeTf();
  await tf.setBackend("tensorflow");
  const segments = await openModelFolder(folder);
  const { model } = segments;
  const { id } = model.metadata;
  const branches = chooseNodes(model, job.at).map((at, place) => {
    const { shape } = model.metadata.tensors[at]!;
    const classes = model.metadata.labels.length;
    return makeBranch(tf, { id: `exit${place + 1}`, at, shape, classes, seed: job.seed + place });
  });
  status.note(`exits at ${branches.map(({ at }) => at).join(", ")}`);
  await distil(tf, { ...job, segments, branches, photos: job.train });
  for (const branch of branches) {
    recomputeNorms(tf, branch, featureMaps(segments, branch, job.train));
  }
  return putFolder(folder, async (draft) => {
    await writeDraft(job, segments, branches, draft);
    const written = await openModelFolder(draft);
    status.update("asking the exits");
    const limits = await knowLimits(written, job.others, job.outside, job.train, job.risk);
    written.dispose();
    const added = { ...limits, at: branches.map(({ at }) => at) };
    await rewriteMetadata(draft, (metadata) => withLimits(metadata, added));
    const card = await readFile(path.join(folder, "card.md"), "utf8").catch(() => `# ${id}\n`);
    await writeFile(path.join(draft, "card.md"), withSection(card, "Added exits", limitsSection(job, added)));
    return added;
  });
}

function* featureMaps(segments: SegmentModel, { at }: Branch, photos: Photos): Generator<Tensor4D> {
  const { metadata, nodes } = segments.model;
  const segment = { nodes: nodes.map(({ name }) => name), feeds: [metadata.input.node], outputs: [at] };
  for (const images of inputBatches(thinned(photos, NORM_PHOTOS), metadata.input, BATCH)) {
    yield segments.run(segment, [images])[0] as Tensor4D;
    images.dispose();
  }
}

async function writeDraft(
  { folder, train }: AddExitsJob,
  { model }: SegmentModel,
  branches: readonly Branch[],
  draft: string,
): Promise<void> {
  const own = await readOwn(folder, model);
  const first = model.metadata.exits[0]!;
  const added = branches.map((branch) => branchNodes(branch).map(half));
  const graph: ForeignGraph = {
    nodes: [...own.nodes, ...added.flat()],
    constants: new Map([
      ...own.constants,
      ...added.flatMap((nodes) =>
        nodes.flatMap(({ constants }) => constants.map((one): [string, Constant] => [one.name, one])),
      ),
    ]),
    exits: [
      ...branches.map(({ id }, at) => {
        return { id, node: added[at]!.at(-1)!.name, original: "", output: "softmax" as const };
      }),
      ...own.exits.map((exit) => ({ ...exit, id: first.id, output: outputKind(first) })),
    ],
  };
  const { input, labels, tensors } = model.metadata;
  const shapes = new Map([
    ...Object.entries(tensors).map(([name, { shape }]): [string, readonly number[]] => [name, shape]),
    ...added.flatMap((nodes) => nodes.map(({ name, shape }): [string, readonly number[]] => [name, shape])),
  ]);
  const exported = toExportGraph(graph, shapes);
  const running = openGraph(graph);
  const images = inputBatches(thinned(train, CALIBRATION_PHOTOS), input, BATCH);
  const measured = tensorRanges(running, exported, images);
  running.dispose();
  // What was measured on import, maybe on other photos, stays.
  const ranges = new Map([
    ...measured,
    ...Object.entries(tensors).map(([name, { range }]) => [name, range] as const),
  ]);
  const shards = packShards(exported, "float32");
  const { id } = model.metadata;
  const generatedBy = "eddi lab add-exits";
  await writeArtifact(draft, {
    id,
    labels,
    graph: exported,
    shards,
    ranges,
    imageRange: input.range,
    generatedBy,
  });
  await keepCodecs(folder, draft);
  await cp(folder, draft, { recursive: true, filter: (place) => isKept(path.relative(folder, place)) });
}

/** What says nothing of a model's exits: not its file, weights, card, profiles and their drawings, nor verdicts. */
function isKept(place: string): boolean {
  const isOther = /^(model\.json|weights-\d+\.bin|card\.md|graph\.svg|phase-map\.svg|profiles)$/.test(place);
  return !isOther && place !== VERDICTS_FILE;
}

/** The model as a graph, its weights as they are stored. */
async function readOwn(folder: string, { metadata }: Model): Promise<ForeignGraph> {
  const source = await openSource(folder);
  const file = readModelFile(source);
  const weights = await readWeights(source, file);
  const constants = new Map(weights.map((weight) => [weight.entry.name, toConstant(weight)]));
  const reasons = new Reasons();
  const graph = readGraph(
    file.json,
    constants,
    metadata.exits.map(({ node }) => node),
    reasons,
  );
  reasons.check(folder);
  return graph;
}

/** Kernels of the branches are stored in half precision. */
function half({ constants, ...node }: GraphNode): GraphNode {
  return { ...node, constants: constants.map((one) => (one.shape.length < 2 ? one : inHalf(one))) };
}

function withLimits(metadata: ModelMetadata, { exits: limits, policy }: Limits): ModelMetadata {
  const exits = metadata.exits.map((exit) => {
    const own = limits.find(({ id }) => id === exit.id);
    if (own === undefined) return exit;
    const { agreement, temperature } = own;
    return { ...exit, agreement, outside: Math.min(...own.outside), temperature };
  });
  return policy === null ? { ...metadata, exits } : { ...metadata, exits, policies: [policy] };
}

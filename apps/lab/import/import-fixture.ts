import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { dispose, tensor4d } from "@tensorflow/tfjs-core";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { exitById, imageShape, splitPlan } from "#shared/model";
import { temporaryFolder } from "../data/fixture.ts";
import { openModelFolder } from "../files/model-folder.ts";
import { floats, type ModelFiles, writeFiles } from "./fixture.ts";
import { type Imported, type ImportJob, importModel } from "./import-model.ts";

// For tests only: whole imports.

/** A folder to import to, and from. */
export interface Workshop {
  /** Imports files, from one new folder to another. */
  importing(files: ModelFiles, change?: Partial<ImportJob>): Promise<Imported & { readonly folder: string }>;
  /** Whatever is left of models, finished or not. */
  left(): readonly string[];
  remove(): Promise<void>;
}

export async function openWorkshop(): Promise<Workshop> {
  const scratch = await temporaryFolder();
  const models = path.join(scratch.folder, "models");
  let count = 0;
  return {
    importing: async (files, change = {}) => {
      const id = change.id ?? `m${++count}`;
      const folder = path.join(models, id);
      const job: ImportJob = {
        place: await writeFiles(path.join(scratch.folder, `from-${id}`), files),
        id,
        folder,
        labels: null,
        exits: null,
        output: null,
        range: [-1, 1],
        data: { dataOption: undefined, env: { XDG_CACHE_HOME: scratch.folder } },
        isForced: false,
        onProgress: () => {},
        ...change,
      };
      return { ...(await importModel(job)), folder };
    },
    left: () => (existsSync(models) ? readdirSync(models).sort() : []),
    remove: scratch.remove,
  };
}

/**
 * Runs head and tail of every cut of every exit on two images at once.
 *
 * @returns how many cuts there are, and the largest difference of a score to the whole model's
 */
export async function everyCut(folder: string): Promise<{ readonly cuts: number; readonly worst: number }> {
  const segments = await openModelFolder(folder);
  const { model } = segments;
  const shape = imageShape(model.metadata.input);
  const size = shape.reduce((a, b) => a * b);
  const images = tensor4d(floats("cut", [2 * size]).values, [2, ...shape]);
  const [input] = model.dag.names;
  let cuts = 0;
  let worst = 0;
  for (const { id } of model.metadata.exits) {
    const { node } = exitById(model.metadata, id);
    const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
    const every = { nodes: dag.names, feeds: [input as string], outputs: [node] };
    const [whole] = segments.run(every, [images]);
    const expected = whole!.dataSync();
    for (const head of closedHeads(dag)) {
      const split = splitPlan(model, { exit: id, head: dag.names.filter((_, at) => head[at]) });
      const cut = segments.run(split.head, [images]);
      const scores = split.tail === null ? cut : segments.run(split.tail, cut);
      const values = scores[0]!.dataSync();
      worst = Math.max(worst, ...expected.map((value, at) => Math.abs(value - values[at]!)));
      dispose([...cut, ...scores]);
      cuts++;
    }
    dispose(whole!);
  }
  dispose(images);
  segments.dispose();
  return { cuts, worst };
}

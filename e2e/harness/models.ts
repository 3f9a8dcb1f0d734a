import { cpSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import { elementCount, imageShape, type Model, type Plan, readModel } from "#shared/model";
import { builtFile } from "../../apps/cloud/testing/built.ts";
import { ROOT } from "../../apps/lab/rig/service.ts";

/** Small enough for WebGPU in software. */
export const TINY = "tiny";
/** The one that people use. */
export const REAL = "resnet-imagenette";

/** A folder with these two alone. */
export const FEW_MODELS = join(dirname(builtFile("main")), "models");

/** Before the first test. */
export function copyFewModels(): void {
  rmSync(FEW_MODELS, { recursive: true, force: true });
  for (const id of [TINY, REAL]) cpSync(join(ROOT, "models", id), join(FEW_MODELS, id), { recursive: true });
}

/** The page's slowdown that stands for a phone so slow that a good network is worth its while. */
export const SLOW_PHONE = 8;

/** @param folder of models; the project's own where none is given */
export function loadModel(id: string, folder = join(ROOT, "models")): Model {
  return readModel(readFileSync(join(folder, id, "model.json")));
}

/** Every plan with this exit: all heads that are closed under predecessors. */
export function allPlans(model: Model, exit: string): Plan[] {
  const { node } = model.metadata.exits.find(({ id }) => id === exit)!;
  const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(node)));
  return [...closedHeads(dag)].map((member) => ({ exit, head: dag.names.filter((_, at) => member[at]) }));
}

/** `count` of them, spread evenly, the first and the last included. */
export function spread<T>(items: readonly T[], count: number): T[] {
  const last = items.length - 1;
  const chosen = Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1)));
  return [...new Set(chosen)].map((at) => items[at]!);
}

/** Random input values, told so shortly that the page can make them itself. */
export interface Noise {
  readonly seed: number;
  readonly count: number;
  /** The model's: least and greatest value. */
  readonly range: readonly [number, number];
}

export function noise(model: Model, seed: number): Noise {
  const { input } = model.metadata;
  return { seed, count: elementCount(imageShape(input)), range: input.range };
}

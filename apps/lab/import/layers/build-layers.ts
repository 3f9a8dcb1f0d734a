import { tensor } from "@tensorflow/tfjs-core";
import { type LayersModel, loadLayersModel } from "@tensorflow/tfjs-layers";
import type { Layer } from "../../export/layers.ts";
import type { Constant } from "../../graph-model/node-def.ts";
import type { Reasons } from "../../graph-model/reasons.ts";
import type { FlatLayer } from "./flat-model.ts";
import { findWeight, fitted } from "./layer-weights.ts";
import { CONVERTIBLE, type TfjsLayer, tfjsLayer } from "./tfjs-layer.ts";

/** Flat layers as a model of TF.js. */
export interface BuiltLayers {
  readonly model: LayersModel;
  /** By layer: its weights as they are stored. */
  readonly weights: ReadonlyMap<string, readonly Constant[]>;
}

/**
 * Makes layers TF.js' own, with their weights.
 *
 * @param layers  all that the outputs need, inputs before readers
 * @param outputs names of layers
 * @param stored  of the file, by name
 * @param reasons gets every layer that cannot be converted, and every weight that is missing
 * @returns null where there are reasons
 */
export async function buildLayers(
  layers: readonly FlatLayer[],
  outputs: readonly string[],
  stored: ReadonlyMap<string, Constant>,
  reasons: Reasons,
): Promise<BuiltLayers | null> {
  const made = new Map(
    layers.map((layer) => [layer, tfjsLayer(layer, (why) => reasons.add(titleOf(layer), why))] as const),
  );
  if (layers.some(({ entry }) => !CONVERTIBLE.includes(entry.className))) {
    reasons.add("layers that can be converted", CONVERTIBLE.join(", "));
  }
  if (!reasons.isEmpty) return null;
  const model = await load(layers, outputs, made);
  if (model === null) {
    await nameMisfit(layers, made, reasons);
    return null;
  }
  const names = [...stored.keys()];
  const weights = new Map<string, Constant[]>();
  for (const layer of layers) {
    const own: Constant[] = [];
    const parts = made.get(layer) as TfjsLayer;
    const { next } = parts;
    const built = model.getLayer(next === undefined ? layer.name : `${layer.name}/pooled`) as Layer;
    for (const [at, variable] of built.weights.entries()) {
      const { originalName } = variable as unknown as { originalName: string };
      const short = originalName.slice(originalName.lastIndexOf("/") + 1);
      const wanted = { short, at, shape: variable.shape as number[] };
      const source = parts.weights?.[short];
      const name = findWeight(layer, wanted, source, names);
      const weight = fitted(wanted, source, name === null ? null : (stored.get(name) as Constant));
      if (weight === null) {
        const came = name === null ? "none" : `${name} of shape [${stored.get(name)?.shape}]`;
        reasons.add(
          titleOf(layer),
          `expected a weight ${source?.name ?? short} of shape [${wanted.shape}], got ${came}`,
        );
        continue;
      }
      const value = tensor(weight.values, [...weight.shape], weight.dtype);
      variable.write(value);
      value.dispose();
      own.push(weight);
    }
    weights.set(layer.name, own);
  }
  return { model, weights };
}

export const titleOf = ({ name, entry }: FlatLayer): string => `layer ${name} (${entry.className})`;

async function load(
  layers: readonly FlatLayer[],
  outputs: readonly string[],
  made: ReadonlyMap<FlatLayer, TfjsLayer>,
): Promise<LayersModel | null> {
  const call = (name: string): unknown[] => [name, 0, 0, {}];
  const described = layers.flatMap((layer) => {
    const { className, config, next } = made.get(layer) as TfjsLayer;
    const inbound = layer.inputs.length === 0 ? [] : [layer.inputs.map(call)];
    const own = { class_name: className, name: config.name, config, inbound_nodes: inbound };
    if (next === undefined) return [own];
    const follows = { class_name: next.className, name: next.config.name, config: next.config };
    return [own, { ...follows, inbound_nodes: [[call(String(config.name))]] }];
  });
  const ends = (names: readonly string[]): unknown[] => names.map((name) => [name, 0, 0]);
  const inputs = layers.filter(({ entry }) => entry.className === "InputLayer").map(({ name }) => name);
  const config = {
    name: "imported",
    layers: described,
    input_layers: ends(inputs),
    output_layers: ends(outputs),
  };
  const modelTopology = { class_name: "Model", config, keras_version: "2", backend: "tensor_flow.js" };
  // TF.js' own words for what fails tell the user nothing: which layer it is does.
  return loadLayersModel({ load: async () => ({ modelTopology }) }).catch(() => null);
}

/** The first layer that does not fit what it reads: found by building up to each, halving. */
async function nameMisfit(
  layers: readonly FlatLayer[],
  made: ReadonlyMap<FlatLayer, TfjsLayer>,
  reasons: Reasons,
): Promise<void> {
  const builds = async (count: number): Promise<boolean> => {
    const some = layers.slice(0, count);
    const read = new Set(some.flatMap(({ inputs }) => inputs));
    const ends = some.filter(({ name }) => !read.has(name)).map(({ name }) => name);
    const model = await load(some, ends, made);
    model?.dispose();
    return model !== null;
  };
  let [good, bad] = [0, layers.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (await builds(middle)) good = middle;
    else bad = middle;
  }
  const layer = layers[bad - 1] as FlatLayer;
  const reads = layer.inputs.length === 0 ? "" : `, which reads ${layer.inputs.join(" and ")}`;
  reasons.add(titleOf(layer), `its settings do not fit what it gets${reads}`);
}

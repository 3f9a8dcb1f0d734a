import { EddiError } from "#shared/errors";
import { isIdle } from "./idle-layers.ts";
import { type LayerEntry, readEntry, type TensorReference } from "./layer-entry.ts";

/** A Keras model without models in it: every layer is applied once, and has one output. */
export interface FlatModel {
  readonly name: string;
  /** Inputs before readers. */
  readonly layers: readonly FlatLayer[];
  /** The model's own outputs, as they are named. */
  readonly outputs: readonly string[];
  /** By what a user may call an output (a layer, a model in the model, `model/layer`): the flat layer that gives it. */
  readonly named: ReadonlyMap<string, string>;
  /** Layers of the models, as they came. */
  readonly total: number;
  /** Of those, what does nothing at inference. */
  readonly idle: number;
}

export interface FlatLayer {
  /** The layer's own, or `model/layer` where several have that. */
  readonly name: string;
  /** Names of the models that it lies in, outermost first, then its own. */
  readonly path: readonly string[];
  readonly entry: LayerEntry;
  /** Names of the flat layers that it reads; none for an input. */
  readonly inputs: readonly string[];
}

/**
 * Takes a Keras topology apart: Sequential and functional models within each other, to any depth, as Teachable
 * Machine saves them; layers that are applied several times become several; idle ones vanish.
 *
 * @param config `modelTopology`, or its `model_config`: of Keras 2, Keras 3 or TF.js
 * @throws EddiError `bad-model` for a topology that does not hang together
 */
export function flattenModel(config: unknown): FlatModel {
  const root = readEntry(config, "modelTopology");
  if (!root.isModel)
    fail("modelTopology", `expected a Sequential or a functional model, got ${root.className}`);
  const flat = new Flattening();
  const outputs = flat.model(root, null, []);
  return {
    name: root.name,
    layers: flat.layers,
    outputs: root.isSequential ? [flat.last] : flat.outputNames(root, outputs),
    named: flat.named,
    total: flat.total,
    idle: flat.idle,
  };
}

class Flattening {
  readonly layers: FlatLayer[] = [];
  readonly named = new Map<string, string>();
  total = 0;
  idle = 0;
  /** The name of the layer that a Sequential ended in last. */
  last = "";
  private readonly taken = new Set<string>();

  /**
   * @param inputs names of flat layers; null for the outermost model, whose inputs are its own
   * @param path   names of the models about it and its own; without the outermost one's
   * @returns names of the flat layers that give its outputs
   */
  model(entry: LayerEntry, inputs: readonly string[] | null, path: readonly string[]): readonly string[] {
    return entry.isSequential ? this.sequential(entry, inputs, path) : this.functional(entry, inputs, path);
  }

  private sequential(entry: LayerEntry, inputs: readonly string[] | null, path: readonly string[]): string[] {
    let current = inputs?.[0] ?? null;
    for (const layer of entry.layers) {
      if (layer.className === "InputLayer") {
        current ??= this.add(layer, [], path);
        continue;
      }
      if (current === null && !layer.isModel) {
        const shape = layer.inputShape ?? entry.buildShape ?? layer.buildShape;
        if (shape === undefined)
          fail(`layer ${layer.name}`, "expected a model that states the shape of its input");
        current = this.add(layer.asInput(shape as readonly (number | null)[]), [], path);
      }
      current = this.apply(layer, current === null ? null : [current], path)[0] ?? current;
      this.last = layer.name;
    }
    if (current === null) fail(`model ${entry.name}`, "expected layers, got none");
    return [current as string];
  }

  private functional(
    entry: LayerEntry,
    inputs: readonly string[] | null,
    path: readonly string[],
  ): readonly string[] {
    const byName = new Map(entry.layers.map((layer) => [layer.name, layer]));
    const given = new Map(entry.inputs.map(({ layer }, at) => [layer, inputs?.[at]]));
    const first = firstApplications(entry);
    const done = new Map<string, readonly string[]>();
    const open = new Set<string>();
    const applied = ({ layer: name, application }: TensorReference): readonly string[] => {
      const layer = byName.get(name);
      if (layer === undefined) return fail(`model ${entry.name}`, `expected a layer ${name}, got none`);
      const at = application - (first.get(name) ?? 0);
      const key = `${name}#${at}`;
      const known = done.get(key);
      if (known !== undefined) return known;
      if (open.has(key)) fail(`layer ${name}`, "expected a DAG, got a cycle");
      open.add(key);
      const mine = given.get(name);
      const reads = layer.applications[at] ?? [];
      const made =
        mine !== undefined
          ? [mine]
          : layer.className === "InputLayer"
            ? [this.add(layer, [], path)]
            : this.apply(layer, reads.map(output), path);
      done.set(key, made);
      return made;
    };
    const output = (reference: TensorReference): string => {
      const made = applied(reference)[reference.tensor];
      return made ?? fail(`layer ${reference.layer}`, `expected an output ${reference.tensor}, got none`);
    };
    for (const layer of entry.layers) {
      const times = Math.max(1, layer.applications.length);
      const isUnused = layer.applications.length === 0 && layer.className !== "InputLayer";
      for (let at = 0; at < times && !isUnused; at++) {
        applied({ layer: layer.name, application: at + (first.get(layer.name) ?? 0), tensor: 0 });
      }
    }
    return entry.outputs.map(output);
  }

  /** @returns names of the flat layers that give the layer's outputs */
  private apply(
    layer: LayerEntry,
    inputs: readonly string[] | null,
    path: readonly string[],
  ): readonly string[] {
    if (layer.isModel) {
      const outputs = this.model(layer, inputs, [...path, layer.name]);
      this.name(layer, path, outputs);
      return outputs;
    }
    if (isIdle(layer.className) && inputs !== null) {
      this.total++;
      this.idle++;
      this.name(layer, path, inputs);
      return inputs.slice(0, 1);
    }
    return [this.add(layer, inputs ?? [], path)];
  }

  private add(entry: LayerEntry, inputs: readonly string[], path: readonly string[]): string {
    this.total++;
    const own = [...path, entry.name];
    let name = entry.name;
    if (this.taken.has(name)) name = own.join("/");
    for (let again = 2; this.taken.has(name); again++) name = `${own.join("/")}/${again}`;
    this.taken.add(name);
    this.layers.push({ name, path: own, entry, inputs });
    this.name(entry, path, [name]);
    return name;
  }

  private name(entry: LayerEntry, path: readonly string[], outputs: readonly string[]): void {
    for (const called of [entry.name, [...path, entry.name].join("/")]) {
      outputs.forEach((output, at) => {
        for (const name of at === 0 ? [called, `${called}:0`] : [`${called}:${at}`]) {
          if (!this.named.has(name)) this.named.set(name, output);
        }
      });
    }
  }

  /** What the outputs of a functional model are called, each of which `named` knows. */
  outputNames(entry: LayerEntry, outputs: readonly string[]): readonly string[] {
    return entry.outputs.map(({ layer, tensor }, at) => {
      const called = tensor === 0 ? layer : `${layer}:${tensor}`;
      return this.named.get(called) === outputs[at] ? called : (outputs[at] as string);
    });
  }
}

/**
 * By layer: the number of its first application in this model. Keras 2 counts from 1 where a model was called
 * before it became part of this one.
 */
function firstApplications(entry: LayerEntry): ReadonlyMap<string, number> {
  const most = new Map<string, number>();
  const references = [...entry.outputs, ...entry.layers.flatMap(({ applications }) => applications.flat())];
  for (const { layer, application } of references) {
    most.set(layer, Math.max(most.get(layer) ?? 0, application));
  }
  return new Map(
    entry.layers.map(({ name, applications }) => {
      const last = Math.max(0, applications.length - 1);
      return [name, Math.max(0, (most.get(name) ?? 0) - last)];
    }),
  );
}

function fail(what: string, why: string): never {
  throw new EddiError("bad-model", `${what}: ${why}`);
}

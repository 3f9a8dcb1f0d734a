import { EddiError } from "#shared/errors";

/** A layer, or a model, of a Keras topology: what Keras 2, Keras 3 and TF.js say in different ways. */
export interface LayerEntry {
  readonly name: string;
  /** Without a package: `Custom>Block` is `Block`. */
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Whether Keras 3 wrote it. */
  readonly isKeras3: boolean;
  readonly isModel: boolean;
  readonly isSequential: boolean;
  /** Of a model. */
  readonly layers: readonly LayerEntry[];
  readonly inputs: readonly TensorReference[];
  readonly outputs: readonly TensorReference[];
  /** Of a layer in a functional model: what it reads, each time it is applied. */
  readonly applications: readonly (readonly TensorReference[])[];
  /** The batch first, null where unknown; undefined where it states none. */
  readonly inputShape: Shape | undefined;
  /** What it was built for, where that is one shape. */
  readonly buildShape: Shape | undefined;
  /** The input layer of a Sequential that has none of its own. */
  asInput(shape: Shape): LayerEntry;
}

export type Shape = readonly (number | null)[];

/** An output of a layer. */
export interface TensorReference {
  readonly layer: string;
  /** Which of the times that the layer is applied. */
  readonly application: number;
  readonly tensor: number;
}

/** @throws EddiError `bad-model` naming what is no layer */
export function readEntry(value: unknown, where: string): LayerEntry {
  const { class_name, config, inbound_nodes, build_config, name } = (value ?? {}) as Record<string, unknown>;
  // Old Keras wrote the layers of a Sequential where its config is now.
  const own = (Array.isArray(config) ? { layers: config } : (config ?? {})) as Record<string, unknown>;
  if (typeof class_name !== "string" || typeof own !== "object") {
    throw new EddiError("bad-model", `${where}: expected a layer with class_name and config`);
  }
  const className = class_name.slice(class_name.lastIndexOf(">") + 1);
  const called = String(name ?? own.name ?? className);
  const isModel = Array.isArray(own.layers);
  const layers = isModel
    ? (own.layers as unknown[]).map((layer, at) => readEntry(layer, `${called}.layers[${at}]`))
    : [];
  const built = (build_config as { input_shape?: unknown } | undefined)?.input_shape;
  const entry: LayerEntry = {
    name: called,
    className,
    config: own,
    isKeras3: isKeras3(own),
    isModel,
    isSequential: isModel && own.output_layers === undefined,
    layers,
    inputs: referencesIn(own.input_layers),
    outputs: referencesIn(own.output_layers),
    applications: Array.isArray(inbound_nodes) ? applicationsIn(inbound_nodes) : [],
    inputShape: shapeOf(own.batch_input_shape) ?? shapeOf(own.batch_shape),
    buildShape: shapeOf(own.build_input_shape) ?? shapeOf(built),
    asInput: (shape) => ({
      ...entry,
      name: `${called}_input`,
      className: "InputLayer",
      config: {},
      inputShape: shape,
    }),
  };
  return entry;
}

const isKeras3 = ({ dtype, batch_shape }: Record<string, unknown>): boolean =>
  batch_shape !== undefined ||
  (dtype as { class_name?: unknown } | null | undefined)?.class_name === "DTypePolicy";

function shapeOf(value: unknown): Shape | undefined {
  const isShape = Array.isArray(value) && value.every((side) => side === null || Number.isSafeInteger(side));
  return isShape && value.length > 0 ? (value as Shape) : undefined;
}

/**
 * Old Kerases have a list of references for each application; one that is applied once to one tensor may come
 * without the list about it. Keras 3 has `args` and `kwargs`.
 */
function applicationsIn(nodes: readonly unknown[]): (readonly TensorReference[])[] {
  return isReference(nodes[0]) ? [referencesIn(nodes)] : nodes.map(referencesIn);
}

/** All references in whatever nesting they come, in their order. */
function referencesIn(value: unknown): TensorReference[] {
  if (isReference(value)) {
    const [layer, application = 0, tensor = 0, more] = value;
    return [{ layer, application, tensor }, ...referencesIn(more)];
  }
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== "object" || value === null) return [];
  const { class_name, config } = value as { class_name?: unknown; config?: { keras_history?: unknown } };
  if (class_name === "__keras_tensor__") return referencesIn(config?.keras_history);
  return Object.values(value).flatMap(referencesIn);
}

type Reference = [layer: string, application?: number, tensor?: number, arguments?: unknown];

const isReference = (value: unknown): value is Reference =>
  Array.isArray(value) &&
  typeof value[0] === "string" &&
  value.slice(1, 3).every(Number.isSafeInteger) &&
  value.length > 1;

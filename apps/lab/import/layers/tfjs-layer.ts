import { KNOWN_ACTIVATIONS } from "../../export/activations.ts";
import { KNOWN_LAYERS } from "../../export/layer-nodes.ts";
import type { FlatLayer } from "./flat-model.ts";
import type { LayerEntry } from "./layer-entry.ts";

/** A layer as TF.js takes it, in Python's spelling. */
export interface TfjsLayer {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the file calls a weight otherwise: by TF.js' short name. */
  readonly weights?: Readonly<Record<string, WeightSource>>;
  /** A layer to follow it, which then gives the output. */
  readonly next?: Pick<TfjsLayer, "className" | "config">;
}

export interface WeightSource {
  /** In the file. */
  readonly name: string;
  /** What the config says instead, if it does. */
  readonly values?: readonly number[] | undefined;
  /** The least that a value counts as. */
  readonly least?: number;
}

/** Says why a layer cannot be imported; may be called several times for one. */
export type Refuse = (why: string) => void;

/**
 * What a layer of any Keras is for TF.js: nothing that only training needs, all in float32 (which is all that TF.js
 * computes in, whatever the policy says), and what Keras has renamed by its older name.
 */
export function tfjsLayer({ name, entry }: FlatLayer, refuse: Refuse): TfjsLayer {
  const { className } = entry;
  const special = SPECIAL[className];
  if (!CONVERTIBLE.includes(className)) refuse("layers of this class cannot be converted");
  const config: Record<string, unknown> = { ...inferenceOnly(entry.config), name, dtype: "float32" };
  if (config.data_format === "channels_first")
    refuse("expected data_format channels_last, got channels_first");
  if (config.activation !== undefined) config.activation = activationOf(config.activation, entry, refuse);
  return special?.(entry, config, refuse) ?? { className, config };
}

type Special = (entry: LayerEntry, config: Record<string, unknown>, refuse: Refuse) => TfjsLayer;

/** By class: what is more than renaming. */
const SPECIAL: Readonly<Record<string, Special>> = {
  InputLayer: ({ inputShape }, { name }) => ({
    className: "InputLayer",
    // Of one image: with any number, TF.js leaves -1 in the shape that a Reshape to -1 gives.
    config: {
      name,
      dtype: "float32",
      sparse: false,
      batch_input_shape: inputShape && [1, ...inputShape.slice(1)],
    },
  }),
  Conv2D: grouped,
  DepthwiseConv2D: grouped,
  SeparableConv2D: grouped,
  BatchNormalization: (_, config) => ({
    className: "BatchNormalization",
    config: { ...config, axis: [config.axis ?? -1].flat()[0] },
  }),
  Normalization: normalization,
  ReLU: (_, config, refuse) => {
    const slope = config.negative_slope ?? 0;
    const most = config.max_value ?? null;
    if ((config.threshold ?? 0) !== 0) refuse(`expected threshold 0, got ${config.threshold}`);
    if (slope === 0) return { className: "ReLU", config: { ...config, max_value: most } };
    if (most !== null) refuse(`expected max_value or negative_slope, got ${most} and ${slope}`);
    return { className: "LeakyReLU", config: { name: config.name, dtype: "float32", alpha: slope } };
  },
  LeakyReLU: (_, config) => ({
    className: "LeakyReLU",
    config: { ...config, alpha: config.alpha ?? config.negative_slope ?? 0.3 },
  }),
  GlobalAveragePooling2D: pooled,
  GlobalMaxPooling2D: pooled,
};

/** Classes of layers that can be converted. */
export const CONVERTIBLE: readonly string[] = [...new Set([...KNOWN_LAYERS, ...Object.keys(SPECIAL)])].sort();

/** Without initial values, regularisers and constraints: they may be of classes that TF.js does not know. */
function inferenceOnly(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const left = Object.entries(config).filter(
    ([key]) => !/_(regularizer|constraint)$/.test(key) && key !== "batch_input_shape",
  );
  const zeros = { class_name: "Zeros", config: {} };
  return Object.fromEntries(left.map(([key, value]) => [key, /_initializer$/.test(key) ? zeros : value]));
}

/** Of a name, or of what Keras writes for a function or a layer. */
function activationOf(value: unknown, { isKeras3 }: LayerEntry, refuse: Refuse): string {
  const { class_name, config } = (value ?? {}) as { class_name?: string; config?: unknown };
  const named =
    typeof value === "string" ? value : typeof config === "string" ? config : (class_name ?? "linear");
  const name = named === "silu" ? "swish" : named.toLowerCase();
  // Keras 3 made another function of it: relu6(x + 3) / 6.
  const isOther = name === "hard_sigmoid" && isKeras3;
  if (ACTIVATIONS.includes(name) && !isOther) return name;
  refuse(`expected activation ${ACTIVATIONS.join(", ")}, got ${isOther ? `${name} of Keras 3` : named}`);
  return "linear";
}

/** What `activation` may be, in Python's spelling. */
const ACTIVATIONS = [
  "linear",
  ...KNOWN_ACTIVATIONS.filter((name) => name !== "leakyrelu").map((name) =>
    name.replace("hardSigmoid", "hard_sigmoid"),
  ),
];

function grouped({ className }: LayerEntry, config: Record<string, unknown>, refuse: Refuse): TfjsLayer {
  if ((config.groups ?? 1) !== 1) refuse(`expected groups 1, got ${config.groups}`);
  return { className, config };
}

/** Keras divides by the root of the variance, or by this where it is less. */
const LEAST_DEVIATION = 1e-7;

/** (x - mean) / deviation: a batch normalisation that has learnt no scale and no offset. */
function normalization(entry: LayerEntry, { name }: Record<string, unknown>, refuse: Refuse): TfjsLayer {
  const { axis = -1, invert, mean, variance } = entry.config;
  const axes = [axis ?? []].flat();
  if (invert === true) refuse("expected a Normalization that is not inverted");
  if (axes.length > 1) refuse(`expected axis -1 or none, got ${axes.join(", ")}`);
  const numbers = (value: unknown): readonly number[] | undefined =>
    value === null || value === undefined ? undefined : ([value].flat(9) as number[]);
  return {
    className: "BatchNormalization",
    config: { name, dtype: "float32", axis: axes[0] ?? -1, epsilon: 0, center: false, scale: false },
    weights: {
      moving_mean: { name: "mean", values: numbers(mean) },
      moving_variance: { name: "variance", values: numbers(variance), least: LEAST_DEVIATION ** 2 },
    },
  };
}

/** TF.js knows no `keepdims`. */
function pooled({ className }: LayerEntry, config: Record<string, unknown>): TfjsLayer {
  if (config.keepdims !== true) return { className, config };
  const { name, dtype } = config;
  return {
    className,
    config: { ...config, name: `${name}/pooled` },
    next: { className: "Reshape", config: { name, dtype, target_shape: [1, 1, -1] } },
  };
}

import type { Constant } from "../../graph-model/node-def.ts";
import type { FlatLayer } from "./flat-model.ts";
import type { WeightSource } from "./tfjs-layer.ts";

/** A weight that a layer wants, by TF.js' short name, such as `kernel`. */
export interface WantedWeight {
  readonly short: string;
  readonly shape: readonly number[];
  /** Its place among the layer's weights. */
  readonly at: number;
}

/**
 * Finds a layer's weight in the manifest, whoever wrote it: TF.js and Keras 2 call it `layer/kernel`, Keras 3 puts
 * names of models before that, its newer files number them (`layers/layer/vars/0`), RNN cells have one name more.
 *
 * @returns the name in the manifest; null when none fits
 */
export function findWeight(
  { path }: FlatLayer,
  { short, at }: WantedWeight,
  source: WeightSource | undefined,
  names: readonly string[],
): string | null {
  const own = path.at(-1) as string;
  const wanted = source?.name ?? short;
  const fits = names.filter((name) => {
    const parts = partsOf(name);
    const last = parts.at(-1);
    const isCalled =
      last === wanted ||
      (last === `${at}` && parts.includes("vars")) ||
      (last === `${at}` && parts.length === 2);
    const within = `/${parts.slice(0, -1).join("/")}/`;
    return isCalled && within.includes(`/${own}/`);
  });
  if (fits.length < 2) return fits[0] ?? null;
  // Layers of one name in several models: the one that lies in the same ones.
  const shared = (name: string): number => {
    const parts = new Set(partsOf(name));
    return path.filter((part) => parts.has(part)).length - parts.size / 1000;
  };
  return fits.toSorted((a, b) => shared(b) - shared(a))[0] as string;
}

const partsOf = (name: string): readonly string[] => name.replace(/:0$/, "").split("/");

/**
 * The weight as TF.js wants it.
 *
 * @returns null when it has another number of values
 */
export function fitted(
  { short, shape }: WantedWeight,
  source: WeightSource | undefined,
  found: Constant | null,
): Constant | null {
  const size = shape.reduce((product, side) => product * side, 1);
  const came = source?.values ?? found?.values;
  if (came === undefined || (came.length !== size && !(source !== undefined && came.length === 1)))
    return null;
  if (source === undefined && found !== null) return { ...found, shape };
  const { least = Number.NEGATIVE_INFINITY } = source ?? {};
  const values = Float32Array.from({ length: size }, (_, at) =>
    Math.max(least, came[came.length === 1 ? 0 : at]!),
  );
  return { name: short, dtype: "float32", shape, values };
}

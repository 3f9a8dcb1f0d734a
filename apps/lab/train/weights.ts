import type { LayersModel, Tensor, Variable } from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import type { Tf } from "../engine/native.ts";

/** A variable under the name it was built with, the same in every process. */
export interface NamedVariable {
  readonly name: string;
  readonly variable: Variable;
}

export interface NamedValues {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

interface BuiltWeight {
  readonly originalName: string;
  read(): Tensor;
}

/** All weights in the order of the layers, moving statistics included. */
export function modelVariables(model: LayersModel): NamedVariable[] {
  const named = model.layers.flatMap((layer) => layer.weights.map((weight) => [layer.name, weight] as const));
  return named.map(([layer, weight]) => {
    const { originalName } = weight as unknown as BuiltWeight;
    const short = originalName.slice(originalName.lastIndexOf("/") + 1);
    return { name: `${layer}/${short}`, variable: weight.read() as Variable };
  });
}

export function readValues(variables: readonly NamedVariable[]): NamedValues[] {
  return variables.map(({ name, variable }) => ({
    name,
    shape: variable.shape,
    values: variable.dataSync() as Float32Array,
  }));
}

/**
 * Sets variables to saved values.
 *
 * @throws EddiError `bad-weights` naming the first weight that is missing or has another shape
 */
export function writeValues(
  tf: Tf,
  variables: readonly NamedVariable[],
  saved: readonly NamedValues[],
): void {
  const byName = new Map(saved.map((entry) => [entry.name, entry]));
  for (const { name, variable } of variables) {
    const entry = byName.get(name);
    const came = entry ? `[${entry.shape.join(", ")}]` : "nothing";
    if (came !== `[${variable.shape.join(", ")}]`) {
      throw new EddiError(
        "bad-weights",
        `weight ${name}: expected [${variable.shape.join(", ")}], got ${came}`,
      );
    }
    const { shape, values } = entry as NamedValues;
    tf.tidy(() => variable.assign(tf.tensor(values.slice(), [...shape])));
  }
}

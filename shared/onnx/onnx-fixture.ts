import { createRequire } from "node:module";
import type { Segment } from "#shared/model";
import type { TensorValues } from "#shared/runtime";

/** The part of onnxruntime-node that tests call. */
interface Ort {
  readonly InferenceSession: {
    create(file: Uint8Array, options: object): Promise<{ run(feeds: object): Promise<Outputs> }>;
  };
  readonly Tensor: new (type: string, values: Float32Array, shape: readonly number[]) => object;
}

type Outputs = Readonly<Record<string, { readonly data: Float32Array; readonly dims: readonly number[] }>>;

/** @returns null where it is not installed: `npm run setup:onnx` */
export function findOrt(): Ort | null {
  try {
    return createRequire(import.meta.url)("onnxruntime-node") as Ort;
  } catch {
    return null;
  }
}

export async function runOnnx(
  { InferenceSession, Tensor }: Ort,
  file: Uint8Array,
  { feeds, outputs }: Segment,
  values: readonly TensorValues[],
): Promise<TensorValues[]> {
  const session = await InferenceSession.create(file, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    extra: { session: { x64quantprecision: "1" } },
  });
  const named = values.map((one, at) => [feeds[at], new Tensor("float32", one.values, one.shape)]);
  const results = await session.run(Object.fromEntries(named));
  return outputs.map((name) => ({ shape: results[name]!.dims, values: results[name]!.data }));
}

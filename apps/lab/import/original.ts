import { GraphModel } from "@tensorflow/tfjs-converter";
import {
  concat,
  dispose,
  type io,
  reshape,
  slice,
  type Tensor,
  type Tensor4D,
  tidy,
  zeros,
} from "@tensorflow/tfjs-core";
import {
  type LayersModel,
  loadLayersModel,
  model as makeModel,
  type SymbolicTensor,
} from "@tensorflow/tfjs-layers";
import type { ModelFile, StoredWeight } from "./model-file.ts";

/** A model as TF.js itself runs it, untouched by us. */
export interface Original {
  /** What it is, for the card: the file as it came, or what we made of its layers for TF.js. */
  readonly kind: "file" | "layers";
  /**
   * What its exits give.
   *
   * @param images float32 [batch, height, width, channels]; stays the caller's
   * @returns one tensor for each exit, the caller's to dispose
   */
  run(images: Tensor4D): Tensor[];
  dispose(): void;
}

/** A model's input and its exits' outputs, by the names that its file has for them. */
export interface OriginalEnds {
  readonly input: string;
  /** Without the batch axis: [height, width, channels], or [height, width] of grey images. */
  readonly shape: readonly number[];
  readonly outputs: readonly string[];
}

export function originalGraph(
  file: ModelFile,
  weights: readonly StoredWeight[],
  { input, shape, outputs }: OriginalEnds,
): Original {
  const model = new GraphModel<io.IOHandlerSync>({ load: () => artifacts(file, weights) });
  model.load();
  const names = outputs.map((name) => `${name}:0`);
  return {
    kind: "file",
    run: (images) =>
      eachAlone(images, (image) => [model.execute({ [input]: reshape(image, [1, ...shape]) }, names)].flat()),
    dispose: () => model.dispose(),
  };
}

/** One by one, as it was made to be run: a model may take no more, or mix them. */
function eachAlone(images: Tensor4D, run: (image: Tensor4D) => Tensor[]): Tensor[] {
  return tidy(() => {
    const each = Array.from({ length: images.shape[0] }, (_, at) =>
      run(slice(images, [at, 0, 0, 0], [1, -1, -1, -1])),
    );
    return (each[0] ?? []).map((_, exit) => concat(each.map((one) => one[exit] as Tensor)));
  });
}

/**
 * The layers of a file as TF.js runs them: loaded as it came where TF.js takes that and knows the exits, else as
 * `built` from them.
 *
 * @param built    with the exits as outputs; disposed with the original
 * @param ends     `outputs` are null for the model's own
 */
export async function originalLayers(
  file: ModelFile,
  weights: readonly StoredWeight[],
  built: LayersModel,
  { shape, outputs }: { readonly shape: readonly number[]; readonly outputs: readonly string[] | null },
): Promise<Original> {
  const own = await loadLayersModel({ load: async () => artifacts(file, weights) }).catch(() => null);
  const asked = own === null || outputs === null ? own : withOutputs(own, outputs);
  const running = asked !== null && runs(asked, shape) ? asked : built;
  return {
    kind: running === built ? "layers" : "file",
    run: (images) => eachAlone(images, (image) => predict(running, image, shape)),
    dispose: () => dispose([...(own?.weights ?? []), ...built.weights].map((weight) => weight.read())),
  };
}

/** @returns null where the names are not all of layers of the outermost model that are applied once */
function withOutputs(model: LayersModel, names: readonly string[]): LayersModel | null {
  const outputs = names.flatMap((name): readonly SymbolicTensor[] => {
    const layer = model.layers.find((one) => one.name === name);
    return layer?.inboundNodes.length === 1 ? [layer.output].flat() : [];
  });
  return outputs.length === names.length ? makeModel({ inputs: model.inputs, outputs }) : null;
}

function predict(model: LayersModel, image: Tensor, shape: readonly number[]): Tensor[] {
  return [model.predict(reshape(image, [1, ...shape]))].flat();
}

/** Some that load do not run, such as those of another type than float32. */
function runs(model: LayersModel, shape: readonly number[]): boolean {
  try {
    tidy(() => predict(model, zeros([1, ...shape]), shape));
    return true;
  } catch {
    return false;
  }
}

function artifacts({ json }: ModelFile, weights: readonly StoredWeight[]): io.ModelArtifacts {
  const { modelTopology, signature, userDefinedMetadata } = json;
  return {
    modelTopology: { versions: { producer: 0 }, ...modelTopology },
    ...(signature === undefined ? {} : { signature }),
    ...(userDefinedMetadata === undefined ? {} : { userDefinedMetadata }),
    weightSpecs: weights.map(({ entry }) => entry as io.WeightsManifestEntry),
    weightData: new Uint8Array(Buffer.concat(weights.map(({ bytes }) => bytes))).buffer,
  };
}

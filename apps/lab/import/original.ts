import { GraphModel } from "@tensorflow/tfjs-converter";
import { concat, dispose, type io, slice, type Tensor, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { type LayersModel, loadLayersModel, model as makeModel } from "@tensorflow/tfjs-layers";
import { EddiError, toEddiError } from "#shared/errors";
import type { Layer } from "../export/layers.ts";
import type { ModelFile, StoredWeight } from "./model-file.ts";

/** A model as TF.js itself runs it, untouched by us. */
export interface Original {
  /**
   * What its exits give.
   *
   * @param images float32 [batch, height, width, channels]; stays the caller's
   * @returns one tensor for each exit, the caller's to dispose
   */
  run(images: Tensor4D): Tensor[];
  dispose(): void;
}

/**
 * @param input   name of the placeholder
 * @param outputs names of the exits' nodes, as they came
 */
export function originalGraph(
  file: ModelFile,
  weights: readonly StoredWeight[],
  input: string,
  outputs: readonly string[],
): Original {
  const model = new GraphModel<io.IOHandlerSync>({ load: () => artifacts(file, weights) });
  model.load();
  const runOnce = (images: Tensor4D): Tensor[] =>
    [
      model.execute(
        { [input]: images },
        outputs.map((name) => `${name}:0`),
      ),
    ].flat();
  return {
    // One by one, as it was made to be run: it may take no more, or mix them.
    run: (images) =>
      tidy(() => {
        const each = Array.from({ length: images.shape[0] }, (_, at) =>
          runOnce(slice(images, [at, 0, 0, 0], [1, -1, -1, -1])),
        );
        return outputs.map((_, exit) => concat(each.map((one) => one[exit] as Tensor)));
      }),
    dispose: () => model.dispose(),
  };
}

/** @throws EddiError `bad-model`, with what TF.js says: a layer of a class that it does not know, weights that do not fit */
export async function loadLayers(file: ModelFile, weights: readonly StoredWeight[]): Promise<LayersModel> {
  try {
    return await loadLayersModel({ load: async () => artifacts(file, weights) });
  } catch (thrown) {
    const [said] = toEddiError(thrown).message.split("\n");
    throw new EddiError("bad-model", `layers-model: expected one that TF.js loads, it says: ${said}`, {
      cause: thrown,
    });
  }
}

export function originalLayers(model: LayersModel, exits: readonly Layer[]): Original {
  const outputs = exits.flatMap((layer) => layer.output);
  const asked = makeModel({ inputs: model.inputs, outputs });
  return {
    run: (images) => [asked.predict(images)].flat(),
    dispose: () => dispose(model.weights.map((weight) => weight.read())),
  };
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

import { fileURLToPath } from "node:url";
import { elementCount, type Model, type Segment, type TensorInfo, tailOf } from "#shared/model";
import {
  encodeRequest,
  encodeTensor,
  HEADER_LENGTH,
  type Parameters,
  type WireTensor,
} from "#shared/protocol";
import { randomFrom } from "#shared/random";
import { loadModels, type ModelFiles } from "../models/registry.ts";

export const MODELS_DIR = fileURLToPath(new URL("../../../models", import.meta.url));

/** One request, to be sent over and over. */
export interface Workload {
  readonly model: Model;
  readonly files: ModelFiles;
  readonly cut: string;
  readonly exit: string;
  readonly segment: Segment;
  readonly bytes: number;
  readonly tensor: WireTensor;
  readonly parameters: Parameters;
  /** As an HTTP request; with the time that it has, if any. */
  readonly request: (timeoutMs: number | null) => {
    readonly method: "POST";
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Buffer;
  };
}

const SEED = 1;

/**
 * @param images in each request
 * @throws EddiError when there is no such model, cut or exit
 */
export async function readWorkload(
  id: string,
  cut: string,
  exit: string | undefined,
  images = 1,
): Promise<Workload> {
  const { model, files } = (await loadModels(MODELS_DIR)).find(id, null);
  const asked = exit ?? model.metadata.exits.at(-1)!.id;
  const segment = tailOf(model, [cut], asked);
  const { tensor, parameters } = encodeTensor(
    cut,
    [images, ...model.metadata.tensors[cut]!.shape],
    someValues(model.metadata.tensors[cut]!, images),
    // Four bits are packed image by image.
    images === 1 ? "uint4" : "uint8",
  );
  const request = (timeoutMs: number | null) => {
    const timeout = timeoutMs === null ? {} : { timeout: Math.max(1, Math.round(1000 * timeoutMs)) };
    const { body, jsonBytes } = encodeRequest({
      parameters: { ...parameters, exit: asked, ...timeout },
      inputs: [tensor],
      outputs: [],
      binaryOutputs: true,
    });
    const headers = { "content-type": "application/octet-stream", [HEADER_LENGTH]: String(jsonBytes) };
    const path = `/v2/models/${encodeURIComponent(id)}/infer`;
    return { method: "POST", path, headers, body: Buffer.from(body) } as const;
  };
  const bytes = request(null).body.byteLength;
  return { model, files, cut, exit: asked, segment, bytes, tensor, parameters, request };
}

/** Values within the tensor's range, the same each time. */
function someValues({ shape, range: [low, high] }: TensorInfo, images: number): Float32Array {
  const random = randomFrom(SEED);
  const values = new Float32Array(images * elementCount(shape));
  for (let at = 0; at < values.length; at++) values[at] = low + (high - low) * random();
  return values;
}

import { createHash } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  type FittedRate,
  type FittedTensor,
  fittedBytes,
  fittedCoders,
  fittedWeights,
  readModel,
} from "#shared/model";
import type { MeasuredCost } from "../evaluate/tally.ts";
import { ratesOf } from "../evaluate/with-measured.ts";
import type { FittedLinear } from "./fit-codec.ts";

/** A codec as it is stored: its shard, and its part of the metadata. */
export interface StoredCodec {
  readonly bytes: Uint8Array;
  readonly fitted: FittedTensor;
}

/**
 * A fitted codec in the bytes that `fittedCoders` reads, with what was measured of it.
 *
 * @param measured by rate, on validation photos
 */
export function packCodec(
  name: string,
  { transform, rates }: FittedLinear,
  measured: readonly MeasuredCost[],
): StoredCodec {
  const { block, mean, basis } = transform;
  const bytes = fittedBytes(transform, rates);
  const costs = ratesOf(measured);
  const told = rates.map(({ step }, at): FittedRate => ({ step, ...costs[at]! }));
  const shard = `codec-${name.replaceAll(/[^\w.-]/g, "-")}.bin`;
  return {
    bytes,
    fitted: { codec: "linear", shard, block, components: basis.length / mean.length, rates: told },
  };
}

/**
 * Stores a codec in a model's folder: a shard behind those of weights, and its part of the metadata. Another codec of
 * the tensor is replaced. The model's version changes.
 *
 * @throws EddiError `bad-metadata` or `bad-model` when the model would no longer be valid; it stays as it was
 */
export async function storeCodec(folder: string, name: string, stored: StoredCodec): Promise<void> {
  const { bytes, fitted } = stored;
  const file = path.join(folder, "model.json");
  const json = JSON.parse(await readFile(file, "utf8"));
  const { eddi } = json.userDefinedMetadata;
  const before: string | undefined = eddi.fitted?.[name]?.shard;
  const isOther = ({ paths }: { paths: string[] }): boolean => ![fitted.shard, before].includes(paths[0]);
  const size = fitted.block ** 2 * eddi.tensors[name].shape.at(-1);
  const tables = (bytes.length - 4 * size - 2 * fitted.components * size) / 2;
  const weights = fittedWeights(name, size, fitted.components, tables);
  json.weightsManifest = [...json.weightsManifest.filter(isOther), { paths: [fitted.shard], weights }];
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  eddi.shards = { ...eddi.shards, [fitted.shard]: { bytes: bytes.length, sha256 } };
  eddi.fitted = { ...eddi.fitted, [name]: fitted };
  const text = JSON.stringify(json);
  const { metadata } = readModel(new TextEncoder().encode(text));
  fittedCoders(name, fitted, metadata.tensors[name]!, bytes);
  for (const [place, content] of [
    [path.join(folder, fitted.shard), bytes],
    [file, text],
  ] as const) {
    await writeFile(`${place}.part`, content);
    await rename(`${place}.part`, place);
  }
}

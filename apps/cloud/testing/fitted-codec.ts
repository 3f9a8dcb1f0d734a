import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LinearTransform } from "#shared/codecs";
import { fittedBytes, fittedWeights } from "#shared/model";
import { rateOf, withLearned } from "../../../shared/protocol/learned-fixture.ts";

// For tests only.

/** The tensor of the tiny model that it is fitted to: [16, 16, 8], in blocks of 2x2. */
export const FITTED_NODE = "stem/pool";
const SHARD = "codec-stem-pool.bin";
const SIZE = 32;

/** Every value by itself: what is off is at most half a step. */
export const FITTED_TRANSFORM: LinearTransform = {
  shape: [16, 16, 8],
  block: 2,
  mean: new Float32Array(SIZE).fill(1),
  basis: Float32Array.from({ length: SIZE * SIZE }, (_, at) => (at % (SIZE + 1) === 0 ? 1 : 0)),
};
export const FITTED_STEPS = [0.2, 0.1] as const;

/**
 * Stores a learned codec with a copy of the tiny model.
 *
 * @param folder the model's
 * @param spoil  as of `storeFitted`, of any of the three shards by path
 */
export async function storeLearned(
  folder: string,
  spoil?: (bytes: Uint8Array, path: string) => Uint8Array,
): Promise<void> {
  const file = join(folder, "model.json");
  const { json, shards } = withLearned(await readFile(file, "utf8"), spoil);
  for (const [path, bytes] of shards) await writeFile(join(folder, path), bytes);
  await writeFile(file, json);
}

/**
 * Stores a codec with a copy of the tiny model.
 *
 * @param folder the model's
 * @param spoil  of the shard's bytes what a test wants wrong
 */
export async function storeFitted(
  folder: string,
  spoil: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes,
): Promise<void> {
  const good = fittedBytes(
    FITTED_TRANSFORM,
    FITTED_STEPS.map((step) => rateOf(step, SIZE)),
  );
  const bytes = spoil(good);
  const file = join(folder, "model.json");
  const json = JSON.parse(await readFile(file, "utf8"));
  const { eddi } = json.userDefinedMetadata;
  const tables = (good.length - 4 * SIZE - 2 * SIZE * SIZE) / 2;
  const weights = fittedWeights(FITTED_NODE, SIZE, SIZE, tables);
  json.weightsManifest.push({ paths: [SHARD], weights });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  eddi.shards[SHARD] = { bytes: bytes.length, sha256 };
  const loss = Object.fromEntries(eddi.exits.map(({ id }: { id: string }) => [id, 0.001]));
  const rates = FITTED_STEPS.map((step) => ({ step, bytes: 1500, spread: 20, loss }));
  eddi.fitted = { [FITTED_NODE]: { codec: "linear", shard: SHARD, block: 2, components: SIZE, rates } };
  await writeFile(join(folder, SHARD), bytes);
  await writeFile(file, JSON.stringify(json));
}

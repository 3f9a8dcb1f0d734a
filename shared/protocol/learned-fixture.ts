import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type LinearRate, symbolTable, TOTAL } from "#shared/codecs";
import { fittedBytes, fittedWeights } from "#shared/model";
import { randomFrom } from "#shared/random";

// For tests only.

/** The tensor that the tiny model's learned codec is of, what it codes and what comes back. */
export const LEARNED = {
  tensor: "block1/relu",
  latent: "block1/relu/encoder/latent",
  decoded: "block1/relu/decoder/decoded",
  replaces: "block2/concat",
} as const;

/** As TensorFlow has them in JSON. */
const [BIAS, RELU] = ["Qmlhc0FkZA==", "UmVsdQ=="] as const;
const CHANNELS = 4;
const STEPS = [0.2, 0.1] as const;

/** Numbers of -32 to 31, the rarer the farther from 0. */
export function rateOf(step: number, components: number): LinearRate {
  const weights = Array.from({ length: 64 }, (_, at) => Math.exp(-Math.abs(at - 32) * step));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = weights.map((weight) => 1 + Math.floor((weight / sum) * (TOTAL - 64)));
  shares[32]! += TOTAL - shares.reduce((total, share) => total + share, 0);
  const tables = Array(components).fill(symbolTable(shares));
  return { step, first: new Int16Array(components).fill(-32), tables };
}

/**
 * The tiny model with a learned codec: two convolutions of seeded weights, and a coder of their 4 channels.
 *
 * @param text  of its model.json
 * @param spoil of a shard's bytes what a test wants wrong
 * @returns that with the codec, and the shards that it adds, by path
 */
export function withLearned(
  text: string,
  spoil: (bytes: Uint8Array, path: string) => Uint8Array = (bytes) => bytes,
): {
  readonly json: string;
  readonly shards: ReadonlyMap<string, Uint8Array>;
} {
  const file = JSON.parse(text);
  const { eddi } = file.userDefinedMetadata;
  const { node: nodes } = file.modelTopology;
  const { tensor, latent, decoded, replaces } = LEARNED;
  const shards = new Map<string, Uint8Array>();
  const store = (path: string, good: Uint8Array, weights: readonly object[]): void => {
    const bytes = spoil(good, path);
    shards.set(path, bytes);
    file.weightsManifest.push({ paths: [path], weights });
    eddi.shards[path] = { bytes: bytes.length, sha256: bytesToHex(sha256(bytes)) };
  };
  const random = randomFrom(7);
  const likeOf = (op: string) => nodes.find((node: { op: string }) => node.op === op);
  const convolve = (
    name: string,
    from: string,
    shape: readonly number[],
    stride: string,
    fused: readonly string[],
  ): void => {
    const [kernel, bias] = [`${name}/kernel`, `${name}/bias`];
    const channels = shape.at(-1)!;
    const size = shape.reduce((product, side) => product * side, 1);
    const values = Float32Array.from({ length: size + channels }, () => 0.3 * (random() - 0.5));
    store(`codec-${name.replaceAll("/", "-")}.bin`, new Uint8Array(values.buffer), [
      { name: kernel, shape, dtype: "float32" },
      { name: bias, shape: [channels], dtype: "float32" },
    ]);
    for (const weight of [kernel, bias]) nodes.push({ ...likeOf("Const"), name: weight });
    const like = likeOf("_FusedConv2D");
    const strides = { list: { i: ["1", stride, stride, "1"] } };
    const fused_ops = { list: { s: fused } };
    nodes.push({ ...like, name, input: [from, kernel, bias], attr: { ...like.attr, strides, fused_ops } });
  };
  convolve(latent, tensor, [3, 3, 8, CHANNELS], "2", [BIAS]);
  convolve(decoded, latent, [3, 3, CHANNELS, 16], "1", [BIAS, RELU]);
  eddi.tensors[latent] = { shape: [8, 8, CHANNELS], dtype: "float32", range: [-32, 31] };
  eddi.tensors[decoded] = { ...eddi.tensors[replaces] };
  const basis = Float32Array.from({ length: CHANNELS ** 2 }, (_, at) => (at % (CHANNELS + 1) === 0 ? 1 : 0));
  const transform = { shape: [8, 8, CHANNELS], block: 1, mean: new Float32Array(CHANNELS), basis };
  const bytes = fittedBytes(
    transform,
    STEPS.map((step) => rateOf(step, CHANNELS)),
  );
  const shard = "codec-block1-relu.bin";
  const numbers = (bytes.length - 4 * CHANNELS - 2 * CHANNELS ** 2) / 2;
  store(shard, bytes, fittedWeights(tensor, CHANNELS, CHANNELS, numbers));
  const loss = { exit2: 0.02, exit3: 0.02 };
  const rates = STEPS.map((step) => ({ step, bytes: 200, spread: 10, loss }));
  const through = { latent, decoded, replaces };
  const codec = { codec: "linear", shard, block: 1, components: CHANNELS, rates, through };
  eddi.fitted = { ...eddi.fitted, [tensor]: codec };
  return { json: JSON.stringify(file), shards };
}

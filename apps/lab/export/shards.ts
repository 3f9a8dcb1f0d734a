import { createHash } from "node:crypto";
import type { ShardInfo } from "#shared/model";
import { inHalf } from "../graph-model/half.ts";
import type { Constant, Quantization } from "../graph-model/node-def.ts";
import type { ExportGraph } from "./walk.ts";

export type WeightsFormat = "float16" | "float32";

export interface WeightEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Constant["dtype"];
  readonly quantization?: Quantization;
}

export interface WeightShard {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly info: ShardInfo;
  /** In the order of the bytes. */
  readonly weights: readonly WeightEntry[];
}

/** A shard is closed once it holds this much, or its part of so many shards if that is more. */
const SHARD_BYTES = 128 * 1024;
const MANY_SHARDS = 64;

/**
 * Before a node that fills a shard alone, one that holds this much is closed: heads that end there need not fetch
 * that node. Less is not worth a request of its own.
 */
const WORTH_BYTES = 8 * 1024;

/**
 * Packs the constants in topological order. A weight never straddles two shards, and a shard never
 * spans the border of an exit's branch: a head that does not reach an exit needs none of its shards.
 */
export function packShards(graph: ExportGraph, format: WeightsFormat): WeightShard[] {
  const shards: WeightShard[] = [];
  let open: EncodedWeight[] = [];
  let openBytes = 0;
  const close = (): void => {
    if (open.length === 0) return;
    shards.push(shardOf(`weights-${String(shards.length + 1).padStart(2, "0")}.bin`, open));
    open = [];
    openBytes = 0;
  };
  const needed = exitsThatNeed(graph);
  const encoded = graph.nodes.map(({ constants }) => constants.map((constant) => encode(constant, format)));
  const total = encoded.flat().reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  const enough = Math.max(SHARD_BYTES, total / MANY_SHARDS);
  let before: string | undefined;
  for (const [at, node] of graph.nodes.entries()) {
    const now = needed.get(node.name);
    if (now !== before) close();
    before = now;
    const bytes = encoded[at]!.reduce((sum, weight) => sum + weight.bytes.byteLength, 0);
    if (bytes >= enough && openBytes >= WORTH_BYTES) close();
    open.push(...encoded[at]!);
    openBytes += bytes;
    if (openBytes >= enough) close();
  }
  close();
  return shards;
}

/** These constants as one shard. */
export function packShard(path: string, constants: readonly Constant[], format: WeightsFormat): WeightShard {
  const encoded = constants.map((constant) => encode(constant, format));
  return shardOf(path, encoded);
}

interface EncodedWeight {
  readonly entry: WeightEntry;
  readonly bytes: Uint8Array;
}

function shardOf(path: string, encoded: readonly EncodedWeight[]): WeightShard {
  const bytes = Buffer.concat(encoded.map((weight) => weight.bytes));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    path,
    bytes,
    info: { bytes: bytes.byteLength, sha256 },
    weights: encoded.map(({ entry }) => entry),
  };
}

/**
 * For every node, which exits have it among their ancestors, as one comparable text. What an exit needs only to hear
 * another one's logits is the other one's branch.
 */
function exitsThatNeed({ nodes, exits }: ExportGraph): Map<string, string> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const scores = exits.flatMap(({ node }) => byName.get(node) ?? []);
  const logitsOf = new Map(
    scores.filter(({ op }) => op === "Softmax").map((one) => [one.inputs[0], one.name]),
  );
  const needed = new Map(nodes.map((node) => [node.name, ""]));
  const mark = (name: string, exit: string): void => {
    const node = byName.get(name);
    const marks = needed.get(name);
    if (node === undefined || marks === undefined || marks.endsWith(`${exit};`)) return;
    needed.set(name, `${marks}${exit};`);
    for (const input of node.inputs) if ((logitsOf.get(input) ?? name) === name) mark(input, exit);
  };
  for (const { id, node } of exits) mark(node, id);
  return needed;
}

/** What is stored already stays as it is. Kernels may become float16; biases are small and stay float32. */
function encode(constant: Constant, format: WeightsFormat): EncodedWeight {
  const isHalf = format === "float16" && constant.shape.length > 1;
  const { name, shape, dtype, values, stored } = isHalf ? inHalf(constant) : constant;
  if (stored === undefined) {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return { entry: { name, shape, dtype }, bytes };
  }
  return { entry: { name, shape, dtype, quantization: stored.quantization }, bytes: stored.bytes };
}

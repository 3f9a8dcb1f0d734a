import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Model, readModel, type Segment, tailOf } from "#shared/model";
import { nodeDefs } from "../graph-model/node-def.ts";

/** Rows, columns and what is summed over: large enough that a core computes as fast as it ever does. */
const SIDE = 32;
const WIDTH = SIDE * SIDE;
export const PRODUCT_ROWS = 512;
export const PRODUCT_MACS = PRODUCT_ROWS * WIDTH * WIDTH;

/** A model of one large matrix product, for an image each row. */
export function matrixProduct(): {
  readonly model: Model;
  readonly segment: Segment;
  readonly shard: Uint8Array;
} {
  const kernel = Float32Array.from({ length: WIDTH * WIDTH }, (_, at) => Math.sin(at));
  const shape = Int32Array.of(-1, WIDTH);
  const shard = new Uint8Array(Buffer.concat([new Uint8Array(kernel.buffer), new Uint8Array(shape.buffer)]));
  const constants = [
    { name: "kernel", dtype: "float32", shape: [WIDTH, WIDTH], values: kernel },
    { name: "shape", dtype: "int32", shape: [2], values: shape },
  ] as const;
  const plain = { attr: {}, constants: [], shape: [] } as const;
  const nodes = [
    { ...plain, name: "image", op: "Placeholder", inputs: [] },
    { ...plain, name: "row", op: "Reshape", inputs: ["image", "shape"], constants: constants.slice(1) },
    { ...plain, name: "product", op: "MatMul", inputs: ["row", "kernel"], constants: constants.slice(0, 1) },
  ];
  const tensor = (sides: readonly number[]) => ({ shape: sides, dtype: "float32", range: [-1, 1] });
  const eddi = {
    format: 1,
    id: "matrix-product",
    input: { node: "image", height: SIDE, width: SIDE, channels: 1, range: [-1, 1] },
    labels: Array.from({ length: WIDTH }, (_, at) => `column ${at}`),
    exits: [{ id: "only", node: "product", output: "logits", accuracy: null }],
    tensors: { image: tensor([SIDE, SIDE, 1]), row: tensor([WIDTH]), product: tensor([WIDTH]) },
    shards: { "one.bin": { bytes: shard.byteLength, sha256: bytesToHex(sha256(shard)) } },
  };
  const weights = constants.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const file = {
    format: "graph-model",
    modelTopology: { node: nodes.flatMap(nodeDefs), versions: { producer: 0 } },
    weightsManifest: [{ paths: ["one.bin"], weights }],
    userDefinedMetadata: { eddi },
  };
  const model = readModel(new TextEncoder().encode(JSON.stringify(file)));
  return { model, segment: tailOf(model, ["image"], "only"), shard };
}

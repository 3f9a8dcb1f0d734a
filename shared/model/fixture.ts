import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Model, readModel } from "./model.ts";

/** For tests only: a small model of three exits with a residual block, a wide block and two branches. */
export function fixtureModel(change: (file: FixtureFile) => void = () => {}): Model {
  return readModel(fixtureBytes(change));
}

/** The bytes of the fixture's model.json after a test's change to it. */
export function fixtureBytes(change: (file: FixtureFile) => void = () => {}): Uint8Array {
  const file = fixtureFile();
  change(file);
  return new TextEncoder().encode(JSON.stringify(file));
}

/** The bytes of a shard of the fixture. */
export function fixtureShard(path: string): Uint8Array {
  const elements = SHARDS[path]!.reduce((total, name) => total + size(WEIGHTS[name]!), 0);
  return new Uint8Array(4 * elements);
}

/**
 * For tests only: gives the fixture a learned codec of `join`, whose decoder's tensor stands for `cat`.
 *
 * @param through  what a test wants otherwise of it
 */
export function addDetour(file: FixtureFile, through: object = {}): void {
  const { eddi } = file.userDefinedMetadata;
  const nodes = [
    { name: "join/encoder/conv", op: "Conv2D", input: ["join", "W_ENCODE"] },
    { name: "join/encoder/latent", op: "MaxPool", input: ["join/encoder/conv"] },
    { name: "join/decoder/decoded", op: "Conv2D", input: ["join/encoder/latent", "W_DECODE"] },
  ];
  const weights = { W_ENCODE: [1, 1, 8, 4], W_DECODE: [1, 1, 4, 16] };
  for (const name of Object.keys(weights)) {
    file.modelTopology.node.unshift({ name, op: "Const", input: [] });
  }
  file.modelTopology.node.push(...nodes);
  const shards = ["codec-join.bin", "codec-join-encoder.bin", "codec-join-decoder.bin"] as const;
  file.weightsManifest.push(
    { paths: [shards[0]], weights: [] },
    { paths: [shards[1]], weights: [{ name: "W_ENCODE", shape: weights.W_ENCODE, dtype: "float32" }] },
    { paths: [shards[2]], weights: [{ name: "W_DECODE", shape: weights.W_DECODE, dtype: "float32" }] },
  );
  const loss = { middle: 0.02, full: 0.03 };
  const codec = { codec: "linear", shard: shards[0], block: 1, components: 4 };
  const rates = [{ step: 1, bytes: 60, spread: 5, loss, reported: { middle: 0.01, full: 0.04 } }];
  const shapes = [
    [8, 8, 4],
    [4, 4, 4],
    [4, 4, 16],
  ];
  Object.assign(eddi, {
    tensors: {
      ...eddi.tensors,
      ...Object.fromEntries(
        nodes.map(({ name }, at) => [name, { shape: shapes[at], dtype: "float32", range: [-8, 8] }]),
      ),
    },
    shards: {
      ...eddi.shards,
      ...Object.fromEntries(shards.map((path) => [path, { bytes: 64, sha256: "0".repeat(64) }])),
    },
    fitted: {
      join: {
        ...codec,
        rates,
        through: { latent: nodes[1]!.name, decoded: nodes[2]!.name, replaces: "cat", ...through },
      },
    },
  });
}

export type FixtureFile = ReturnType<typeof fixtureFile>;

/** name, op, inputs (weights in capitals), shape without batch. */
const NODES: readonly [string, string, string[], number[]][] = [
  ["image", "Placeholder", [], [8, 8, 3]],
  ["stem", "_FusedConv2D", ["image", "W_STEM", "B_STEM"], [8, 8, 8]],
  ["same", "Identity", ["stem"], []],
  ["deep", "_FusedConv2D", ["same", "W_DEEP"], [8, 8, 8]],
  ["join", "AddV2", ["stem", "deep:0"], [8, 8, 8]],
  ["pool-1", "Mean", ["join", "AXES"], [8]],
  ["exit-1", "_FusedMatMul", ["pool-1", "W_EXIT_1"], [4]],
  ["left", "DepthwiseConv2dNative", ["join", "W_LEFT"], [4, 4, 8]],
  ["right", "MaxPool", ["join"], [4, 4, 8]],
  ["cat", "ConcatV2", ["left", "right", "^stem"], [4, 4, 16]],
  ["pool-2", "Mean", ["cat", "AXES"], [16]],
  ["exit-2", "_FusedMatMul", ["pool-2", "W_EXIT_2"], [4]],
  ["last", "Conv2D", ["cat", "W_LAST"], [4, 4, 4]],
  ["pool-3", "Mean", ["last", "AXES"], [4]],
  ["exit-3", "Softmax", ["pool-3"], [4]],
  ["loose", "Relu", ["exit-3"], [4]],
];

const WEIGHTS: Readonly<Record<string, number[]>> = {
  W_STEM: [3, 3, 3, 8],
  B_STEM: [8],
  W_DEEP: [3, 3, 8, 8],
  AXES: [2],
  W_EXIT_1: [8, 4],
  W_LEFT: [3, 3, 8, 1],
  W_EXIT_2: [16, 4],
  W_LAST: [1, 1, 16, 4],
};

const SHARDS: Readonly<Record<string, string[]>> = {
  "group1-shard1.bin": ["W_STEM", "B_STEM", "W_DEEP"],
  "group2-shard1.bin": ["AXES", "W_EXIT_1", "W_LEFT"],
  "group3-shard1.bin": ["W_EXIT_2", "W_LAST"],
};

function fixtureFile() {
  const constants = Object.keys(WEIGHTS).map((name) => ({ name, op: "Const", input: [] as string[] }));
  const shards = Object.keys(SHARDS).map((path) => {
    const bytes = fixtureShard(path);
    return [path, { bytes: bytes.byteLength, sha256: bytesToHex(sha256(bytes)) }] as const;
  });
  const computing = NODES.filter(([, op]) => op !== "Identity");
  return {
    format: "graph-model",
    modelTopology: {
      node: [...constants, ...NODES.map(([name, op, input]) => ({ name, op, input: [...input] }))],
    },
    weightsManifest: Object.entries(SHARDS).map(([path, names]) => ({
      paths: [path],
      weights: names.map((name) => ({ name, shape: WEIGHTS[name]!, dtype: "float32" })),
    })),
    userDefinedMetadata: {
      eddi: {
        format: 1,
        id: "fixture",
        input: { node: "image", height: 8, width: 8, range: [0, 1] },
        labels: ["a", "b", "c", "d"],
        exits: [
          { id: "early", node: "exit-1", accuracy: 0.6 as number | null },
          { id: "middle", node: "exit-2", accuracy: 0.7 as number | null },
          { id: "full", node: "exit-3", accuracy: 0.8 as number | null },
        ],
        tensors: Object.fromEntries(
          computing.map(([name, , , shape]) => [name, { shape, dtype: "float32", range: [0, 1] }]),
        ),
        shards: Object.fromEntries(shards),
      },
    },
  };
}

const size = (shape: readonly number[]): number => shape.reduce((product, side) => product * side, 1);

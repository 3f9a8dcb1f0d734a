import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { LinearCoder } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { ancestors, buildDag, type Dag, subgraph } from "#shared/graph";
import { type Detours, readDetours } from "./detours.ts";
import { fittedCoders } from "./fitted.ts";
import { type Exit, type ModelMetadata, readMetadata, type TensorInfo } from "./metadata.ts";
import type { ModelNode } from "./segment.ts";

/** A multi-exit GraphModel: its DAG of computing nodes, and where their weights lie. */
export interface Model {
  readonly metadata: ModelMetadata;
  /** First 16 hex digits of the SHA-256 of model.json, which itself holds the hash of every shard. */
  readonly version: string;
  /** Constants and identities dropped; node 0 is the input. */
  readonly dag: Dag;
  /** By DAG index. */
  readonly nodes: readonly ModelNode[];
  /** Of learned codecs. Their nodes are none of the DAG's. */
  readonly detours: Detours;
  /** In the order of the manifest: topological. */
  readonly shards: readonly Shard[];
  /** The `modelTopology` and `signature` of the file, for TF.js. */
  readonly topology: GraphTopology;
  readonly operations: OperationCounts;
}

/** What became of the operations of the file: those left, `total - constants - identities - unneeded`, are nodes. */
export interface OperationCounts {
  readonly total: number;
  readonly constants: number;
  readonly identities: number;
  /** They compute, but no exit needs them. */
  readonly unneeded: number;
}

export interface Shard {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Entries of the weights manifest, in the order of the bytes. */
  readonly weights: readonly WeightSpec[];
}

/** An entry of TF.js' weights manifest. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly quantization?: { readonly dtype: string; readonly [key: string]: unknown };
}

export interface GraphTopology {
  readonly modelTopology: { readonly node: readonly NodeDef[] };
  readonly signature?: unknown;
}

/** A TensorFlow NodeDef in JSON, as far as we read it. */
interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, unknown>>;
}

/**
 * Reads a TF.js GraphModel's model.json that carries our metadata.
 *
 * @param bytes the file as stored: the version is their hash
 * @throws EddiError `bad-model` or `bad-metadata`, saying what was expected and what came
 */
export function readModel(bytes: Uint8Array): Model {
  const file = parseObject(bytes);
  const nodes = (file.modelTopology as { node?: unknown } | undefined)?.node;
  if (file.format !== "graph-model" || !Array.isArray(nodes)) {
    throw new EddiError("bad-model", `model.json: expected a TF.js graph-model, got format ${file.format}`);
  }
  const user = file.userDefinedMetadata as { eddi?: unknown } | undefined;
  if (user?.eddi === undefined) {
    throw new EddiError("bad-metadata", "model.json: expected userDefinedMetadata.eddi, got none");
  }
  const metadata = readMetadata(user.eddi);
  nodes.forEach((node, at) => {
    if (!isNodeDef(node)) throw new EddiError("bad-model", `modelTopology.node[${at}]: expected a NodeDef`);
  });
  const { dag, nodes: modelNodes, detours, operations } = readGraph(nodes as NodeDef[], metadata);
  return {
    metadata,
    version: bytesToHex(sha256(bytes)).slice(0, 16),
    dag,
    nodes: modelNodes,
    detours,
    shards: readShards(file.weightsManifest, metadata),
    topology: file as unknown as GraphTopology,
    operations,
  };
}

/** @throws EddiError `bad-weights` when size or hash differ from the metadata */
export function verifyShard(shard: Shard, bytes: Uint8Array): void {
  if (bytes.byteLength !== shard.bytes) {
    const came = `got ${bytes.byteLength}`;
    throw new EddiError("bad-weights", `${shard.path}: expected ${shard.bytes} bytes, ${came}`);
  }
  const hash = bytesToHex(sha256(bytes));
  if (hash !== shard.sha256) {
    throw new EddiError("bad-weights", `${shard.path}: expected SHA-256 ${shard.sha256}, got ${hash}`);
  }
}

/** @throws EddiError `not-found`, naming the exits there are */
export function exitById(metadata: ModelMetadata, id: string): Exit {
  const exit = metadata.exits.find((candidate) => candidate.id === id);
  if (exit !== undefined) return exit;
  const known = metadata.exits.map((candidate) => candidate.id).join(", ");
  throw new EddiError("not-found", `model ${metadata.id}: expected one of the exits ${known}, got ${id}`);
}

/**
 * How good an exit is, as plans weigh it, 0..1: its top-1. Where no exit's is known, for want of labels, how often it says
 * what the last one says.
 *
 * @returns null when neither was measured of all exits
 */
export function measuredWorth({ exits }: ModelMetadata, exit: Exit): number | null {
  if (exits.some(({ accuracy }) => accuracy !== null)) return exit.accuracy;
  const added = exits.slice(0, -1);
  if (added.length === 0 || added.some(({ agreement }) => agreement === undefined)) return null;
  return exit.agreement ?? 1;
}

/** The nodes of the DAG, and those of learned codecs. */
export function everyNode({ nodes, detours }: Model): readonly ModelNode[] {
  return [...nodes, ...[...detours.values()].flatMap((detour) => detour.nodes)];
}

/** The shards that hold the weights of these nodes, and codecs fitted to their tensors, in the manifest's order. */
export function shardsFor(model: Model, nodeNames: readonly string[]): readonly Shard[] {
  const wanted = new Set(nodeNames);
  const weights = new Set(
    everyNode(model)
      .filter((n) => wanted.has(n.name))
      .flatMap((n) => n.weights),
  );
  const fitted = new Set(
    Object.entries(model.metadata.fitted ?? {}).flatMap(([name, { shard, through }]) =>
      wanted.has(through?.latent ?? name) ? [shard] : [],
    ),
  );
  return model.shards.filter(
    ({ path, weights: held }) => fitted.has(path) || held.some((spec) => weights.has(spec.name)),
  );
}

/**
 * The coders of the codec that a shard holds, by its rates.
 *
 * @param bytes as they were verified
 * @returns null for a shard of weights, else the tensor's name with them
 * @throws EddiError `bad-model` as `fittedCoders`
 */
export function codersIn({ metadata }: Model, shard: Shard, bytes: Uint8Array): TensorCoders | null {
  const found = Object.entries(metadata.fitted ?? {}).find(([, fitted]) => fitted.shard === shard.path);
  if (found === undefined) return null;
  const [name, fitted] = found;
  return { name, coders: fittedCoders(name, fitted, metadata.tensors, bytes) };
}

/** By rate, coarsest first: how a tensor is coded by the codec that was fitted to it. */
export interface TensorCoders {
  readonly name: string;
  readonly coders: readonly LinearCoder[];
}

/** Bytes of a tensor of this kind, for one image, as float32. */
export function float32Bytes(tensor: TensorInfo): number {
  return 4 * elementCount(tensor.shape);
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function parseObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const file: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof file === "object" && file !== null) return file as Record<string, unknown>;
  } catch (cause) {
    throw new EddiError("bad-model", `model.json: expected JSON, got ${bytes.byteLength} other bytes`, {
      cause,
    });
  }
  throw new EddiError("bad-model", "model.json: expected a JSON object");
}

function isNodeDef(value: unknown): value is NodeDef {
  const { name, op, input = [], attr = {} } = (value ?? {}) as Record<string, unknown>;
  const isText = (item: unknown): boolean => typeof item === "string";
  const hasAttributes = typeof attr === "object" && attr !== null;
  return isText(name) && isText(op) && Array.isArray(input) && input.every(isText) && hasAttributes;
}

/** Nodes that only pass their input on. */
const IDENTITY_OPS = new Set(["Identity", "IdentityN", "StopGradient", "Snapshot", "NoOp"]);

function readGraph(
  defs: readonly NodeDef[],
  metadata: ModelMetadata,
): Pick<Model, "dag" | "nodes" | "detours" | "operations"> {
  const byName = new Map(defs.map((def) => [def.name, def]));
  const resolve = (reference: string): NodeDef => {
    let name = reference;
    for (let steps = 0; steps <= defs.length; steps++) {
      const def = byName.get(name.replace(/:0$/, ""));
      if (def === undefined) {
        throw new EddiError("bad-model", `expected a node's name, or its first output, got ${name}`);
      }
      if (!IDENTITY_OPS.has(def.op) || def.input?.[0] === undefined) return def;
      name = def.input[0];
    }
    throw new EddiError("bad-model", `expected a DAG, got a cycle of identities at ${name}`);
  };
  const inputsOf = (def: NodeDef): NodeDef[] =>
    (def.input ?? []).filter((name) => !name.startsWith("^")).map(resolve);

  const computing = defs.filter((def) => def.op !== "Const" && !IDENTITY_OPS.has(def.op));
  const arcs = computing.flatMap((def) =>
    inputsOf(def)
      .filter((from) => from.op !== "Const")
      .map((from): [string, string] => [from.name, def.name]),
  );
  const whole = buildDag(
    computing.map((def) => def.name),
    arcs,
  );

  // Only what some exit needs is part of the model.
  const exitMembers = metadata.exits.map((exit) => {
    const at = whole.names.indexOf(exit.node);
    if (at < 0)
      throw new EddiError("bad-metadata", `exit ${exit.id}: expected a node ${exit.node}, got none`);
    return ancestors(whole, at);
  });
  const needed = whole.names.map((_, node) => exitMembers.some((member) => member[node]));
  const dag = subgraph(whole, needed);
  dag.predecessors.forEach((from, node) => {
    const isInput = dag.names[node] === metadata.input.node;
    if (isInput && node === 0 && from.length === 0) return;
    if (!isInput && from.length > 0) return;
    const name = dag.names[node];
    throw new EddiError("bad-model", `expected ${metadata.input.node} as the only input, got ${name} too`);
  });
  const nodeOf = (name: string): ModelNode => {
    const def = byName.get(name)!;
    const tensor = metadata.tensors[name];
    if (tensor === undefined) {
      throw new EddiError("bad-metadata", `tensors: expected an entry for node ${name}, got none`);
    }
    const inputs = inputsOf(def);
    const weights = inputs.filter((from) => from.op === "Const");
    const namesOf = (list: readonly NodeDef[]): readonly string[] => list.map((from) => from.name);
    return {
      name,
      op: def.op,
      tensor,
      inputs: namesOf(inputs),
      weights: namesOf(weights),
      attr: def.attr ?? {},
    };
  };
  const nodes = dag.names.map(nodeOf);
  const detours = readDetours(metadata, whole, needed, nodeOf);
  const constants = defs.filter((def) => def.op === "Const").length;
  const operations = {
    total: defs.length,
    constants,
    identities: defs.length - constants - computing.length,
    unneeded: computing.length - nodes.length,
  };
  return { dag, nodes, detours, operations };
}

function readShards(manifest: unknown, metadata: ModelMetadata): readonly Shard[] {
  if (!Array.isArray(manifest)) {
    throw new EddiError("bad-model", "model.json: expected a weightsManifest, got none");
  }
  return manifest.map((group: { paths?: unknown; weights?: unknown } | null, at): Shard => {
    const { paths, weights } = group ?? {};
    if (!Array.isArray(paths) || paths.length !== 1 || !Array.isArray(weights)) {
      throw new EddiError("bad-model", `weightsManifest[${at}]: expected one path and its weights`);
    }
    if (!weights.every(isWeightSpec)) {
      throw new EddiError("bad-model", `weightsManifest[${at}]: expected weights with name, shape and dtype`);
    }
    const path = String(paths[0]);
    const info = metadata.shards[path];
    if (!/^[\w.-]+$/.test(path) || info === undefined) {
      throw new EddiError("bad-metadata", `shards: expected size and hash of ${path}, got none`);
    }
    return { path, ...info, weights };
  });
}

function isWeightSpec(value: unknown): value is WeightSpec {
  const { name, shape, dtype } = (value ?? {}) as Record<string, unknown>;
  const isShape = Array.isArray(shape) && shape.every((side) => Number.isSafeInteger(side) && side >= 0);
  return typeof name === "string" && isShape && ["float32", "int32", "bool"].includes(dtype as string);
}

import { EddiError } from "#shared/errors";
import type { Attr, Constant } from "../graph-model/node-def.ts";
import type { Reasons } from "../graph-model/reasons.ts";
import { sidesOf, typeOf } from "./attributes.ts";
import { checkOperations } from "./check-operations.ts";
import {
  type ForeignExit,
  type ForeignGraph,
  type ForeignNode,
  pruned,
  titleOf,
  withOrderedExits,
} from "./graph.ts";
import { checkImageShape } from "./image-shape.ts";
import type { ModelJson, Signature } from "./model-file.ts";

/** A TensorFlow NodeDef in JSON, as far as we read it. */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, Attr>>;
}

/** Operations that give their first input, at inference. */
const IDLE = new Set([
  "Identity",
  "IdentityN",
  "StopGradient",
  "Snapshot",
  "PreventGradient",
  "CheckNumerics",
  "EnsureShape",
  "PlaceholderWithDefault",
  "Dropout",
]);

/** Of a graph-model: what its file says, with the idle nodes gone. */
export interface ReadGraph extends ForeignGraph {
  /** Nodes of the file, constants among them. */
  readonly total: number;
  /** Of those, the nodes that only passed something on. */
  readonly idle: number;
}

/**
 * Reads the graph of a graph-model: finds its image and its exits, drops what is idle, and checks every
 * operation that the exits need.
 *
 * @param exits   names of nodes whose outputs are scores; null for the model's own output
 * @param reasons gets what cannot be imported
 * @throws EddiError `bad-model` for a graph that hangs together badly, `bad-argument` for an unknown exit
 */
export function readGraph(
  json: ModelJson,
  constants: ReadonlyMap<string, Constant>,
  exits: readonly string[] | null,
  reasons: Reasons,
): ReadGraph {
  const defs = readDefs(json.modelTopology.node);
  const byName = new Map(defs.map((def) => [def.name, def]));
  /** Constants without a weight. */
  const outside = new Set<string>();
  /** Who reads another output of a node than its first. */
  const later = new Map<NodeDef, { readonly reader: string; readonly output: number }[]>();
  /** What a reference means once idle nodes are gone: a name, and which of the node's outputs. */
  const resolve = (reference: string): { readonly def: NodeDef; readonly output: number } => {
    for (let at = reference, steps = 0; steps <= defs.length; steps++) {
      const [, name = at, index = "0"] = /^(.*?)(?::(\d+))?$/.exec(at) ?? [];
      const def = byName.get(name);
      if (def === undefined) {
        throw new EddiError("bad-model", `input ${reference}: expected a node's name, got an unknown one`);
      }
      const [first] = dataInputs(def);
      const place = def.op === "IdentityN" ? dataInputs(def)[Number(index)] : first;
      if (!IDLE.has(def.op) || place === undefined) return { def, output: Number(index) };
      at = place;
    }
    throw new EddiError("bad-model", `expected a DAG, got a cycle of identities at ${reference}`);
  };
  const nodeOf = (def: NodeDef): ForeignNode => ({
    name: def.name,
    op: def.op,
    attr: def.attr ?? {},
    inputs: dataInputs(def).map((reference) => {
      const { def: from, output } = resolve(reference);
      if (output > 0) later.set(from, [...(later.get(from) ?? []), { reader: def.name, output }]);
      if (from.op === "Const" && !constants.has(from.name)) outside.add(from.name);
      return from.name;
    }),
  });

  const signature = json.signature ?? json.userDefinedMetadata?.signature;
  const named = exits ?? ownOutputs(defs, signature);
  if (exits === null && named.length !== 1) {
    reasons.add(
      "outputs",
      `expected one, got ${outputList(defs, signature)}; name the scores' nodes with --exits`,
    );
  }
  const wanted = named.map((called, at): ForeignExit => {
    const original = referenceOf(called, signature);
    if (!byName.has(original.replace(/:\d+$/, ""))) {
      const has = outputList(defs, signature);
      throw new EddiError(
        "bad-argument",
        `--exits: expected names of nodes (the model's outputs are ${has}), got ${called}`,
      );
    }
    const { def, output } = resolve(original);
    if (output > 0) reasons.add(titleOf(def), `output ${output} is asked for; only the first is supported`);
    return { id: `exit${at + 1}`, node: def.name, original };
  });
  const computing = defs.filter(({ op }) => op !== "Const" && op !== "NoOp" && !IDLE.has(op));
  const whole = { nodes: computing.map(nodeOf), constants, exits: wanted };
  const needed = pruned(withOrderedExits(pruned(whole)));
  const read = new Set(needed.nodes.flatMap(({ inputs }) => inputs));
  const missing = [...outside].find((name) => read.has(name));
  if (missing !== undefined) {
    throw new EddiError("bad-weights", `constant ${missing}: expected a weight of this name, got none`);
  }
  const names = new Set(needed.nodes.map(({ name }) => name));
  for (const [def, reads] of later) {
    const here = reads.filter(({ reader }) => names.has(reader));
    if (here.length === 0) continue;
    const which = here.map(({ reader, output }) => `${output} by ${reader}`).join(", ");
    reasons.add(titleOf(def), `has several outputs, of which only the first is supported; read are ${which}`);
  }
  checkDag(needed);
  const graph = withInput(needed, signature, reasons);
  checkOperations(graph, json, reasons);
  const constantDefs = defs.filter(({ op }) => op === "Const").length;
  return { ...graph, total: defs.length, idle: defs.length - constantDefs - computing.length };
}

function readDefs(nodes: unknown): readonly NodeDef[] {
  const seen = new Set<string>();
  return (nodes as unknown[]).map((value, at) => {
    const { name, op, input = [] } = (value ?? {}) as Record<string, unknown>;
    const isText = (item: unknown): boolean => typeof item === "string";
    if (!isText(name) || !isText(op) || !Array.isArray(input) || !input.every(isText)) {
      throw new EddiError(
        "bad-model",
        `modelTopology.node[${at}]: expected a NodeDef with name, op and input`,
      );
    }
    if (seen.has(name as string)) {
      throw new EddiError(
        "bad-model",
        `modelTopology.node[${at}]: expected a name of its own, got ${name} again`,
      );
    }
    seen.add(name as string);
    return value as NodeDef;
  });
}

/** Without what only orders. */
const dataInputs = ({ input = [] }: NodeDef): readonly string[] =>
  input.filter((name) => !name.startsWith("^"));

/** The outputs that the signature names, else the nodes that nobody reads. */
function ownOutputs(defs: readonly NodeDef[], signature: Signature | undefined): string[] {
  const named = Object.keys(signature?.outputs ?? {}).map((key) => referenceOf(key, signature));
  if (named.length > 0) return [...new Set(named)];
  const read = new Set(defs.flatMap(({ input = [] }) => input.map((name) => name.replace(/^\^|:\d+$/g, ""))));
  return defs
    .filter(({ name, op }) => !read.has(name) && op !== "Const" && op !== "NoOp")
    .map(({ name }) => name);
}

/** The node that a user means by its name, as TF.js has it, or by the key that the signature has for it. */
function referenceOf(called: string, signature: Signature | undefined): string {
  const stated = signature?.outputs?.[called.replace(/:0$/, "")];
  return (stated === undefined ? called : (stated.name ?? called)).replace(/:0$/, "");
}

/** For messages: by key where there is one. */
function outputList(defs: readonly NodeDef[], signature: Signature | undefined): string {
  const keys = Object.entries(signature?.outputs ?? {}).map(([key, { name = key, tensorShape }]) => {
    const sides = sidesOf({ shape: { shape: tensorShape ?? {} } as Attr }, "shape");
    const node = name.replace(/:0$/, "");
    const shape = sides === undefined ? "" : ` [${sides.map((side) => side ?? "batch").join(", ")}]`;
    return `${key}${node === key ? "" : ` = ${node}`}${shape}`;
  });
  return (keys.length > 0 ? keys : ownOutputs(defs, signature)).join(", ") || "none";
}

/** @throws EddiError `bad-model` for a cycle without control flow to explain it */
function checkDag({ nodes, constants }: ForeignGraph): void {
  const done = new Set(constants.keys());
  const hasLoop = nodes.some(({ op }) => op === "NextIteration");
  for (const node of nodes) {
    const open = node.inputs.find((input) => !done.has(input));
    if (open !== undefined && !hasLoop) {
      throw new EddiError("bad-model", `expected a DAG, got a cycle through ${node.name} and ${open}`);
    }
    done.add(node.name);
  }
}

/** The graph with the image's placeholder first, of any batch. */
function withInput(graph: ForeignGraph, signature: Signature | undefined, reasons: Reasons): ForeignGraph {
  const placeholders = graph.nodes.filter(({ op }) => op === "Placeholder");
  const [image] = placeholders;
  if (image === undefined) {
    reasons.add("input", "expected a Placeholder that the scores depend on, got none");
    return graph;
  }
  if (placeholders.length > 1) {
    reasons.add("inputs", `expected one, got ${placeholders.map(({ name }) => name).join(", ")}`);
  }
  const type = typeOf(image.attr, "dtype") ?? "DT_FLOAT";
  if (type !== "DT_FLOAT") reasons.add(titleOf(image), `expected dtype DT_FLOAT, got ${type}`);
  const stated = Object.values(signature?.inputs ?? {}).find(
    ({ name }) => name?.replace(/:0$/, "") === image.name,
  );
  const sides =
    sidesOf(image.attr, "shape") ?? sidesOf({ shape: { shape: stated?.tensorShape ?? {} } as Attr }, "shape");
  const input = checkImageShape(image.name, sides, reasons);
  return { ...graph, nodes: [input, ...graph.nodes.filter((node) => node !== image)] };
}

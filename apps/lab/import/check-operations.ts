import { GraphModel } from "@tensorflow/tfjs-converter";
import type { io } from "@tensorflow/tfjs-core";
import { toEddiError } from "#shared/errors";
import type { Reasons } from "../graph-model/reasons.ts";
import { textOf, typeOf } from "./attributes.ts";
import { type ForeignGraph, type ForeignNode, titleOf } from "./graph.ts";
import type { ModelJson } from "./model-file.ts";

/** TF.js' kinds of operations that have no place in a static float32 classifier, and why. */
const REFUSED_KINDS: Readonly<Record<string, string>> = {
  control: "control flow is not supported",
  dynamic: "the shape of its output depends on the image",
  hash_table: "hash tables are not supported",
  ragged: "ragged tensors are not supported",
  sparse: "sparse tensors are not supported",
  spectral: "complex numbers are not supported",
  string: "strings are not supported",
};

const CONTROL =
  /^(Switch|Merge|Enter|Exit|NextIteration|LoopCond|If|While|Stateless(If|While)|TensorList|TensorArray)/;
const RANDOM = /^(Random|TruncatedNormal|Multinomial|StatelessRandom)/;
/** Their outputs say how large a tensor is, not what is in it. */
const SHAPE_OPS = new Set(["Shape", "ShapeN", "Rank", "Size"]);
/** Operations whose first output is no float32. */
const INTEGER_OPS =
  /^(ArgM(ax|in)|Unique|LowerBound|UpperBound|Bincount|DenseBincount|All|Any|Is(Nan|Inf|Finite)|Equal|NotEqual|Greater(Equal)?|Less(Equal)?|Logical(And|Or|Not)|BitwiseAnd)/;

/** What a node's values depend on: the image, how many images there are, or nothing. */
export type Dependence = "image" | "shape" | "nothing";

/** By node name. */
export function dependences({ nodes }: ForeignGraph): ReadonlyMap<string, Dependence> {
  const found = new Map<string, Dependence>();
  for (const { name, op, inputs } of nodes) {
    const of = inputs.map((input) => found.get(input) ?? "nothing");
    const isFree = !of.includes("image") && !of.includes("shape");
    if (op === "Placeholder") found.set(name, "image");
    else if (isFree) found.set(name, "nothing");
    else found.set(name, SHAPE_OPS.has(op) || !of.includes("image") ? "shape" : "image");
  }
  return found;
}

/** Adds why an operation that the exits need cannot be imported: once per node. */
export function checkOperations(graph: ForeignGraph, json: ModelJson, reasons: Reasons): void {
  const kinds = operationKinds(json, reasons);
  const depends = dependences(graph);
  for (const node of graph.nodes) {
    if (node.op === "Placeholder") continue;
    const why = objection(node, kinds?.get(node.name), depends.get(node.name) ?? "nothing");
    if (why !== null) reasons.add(titleOf(node), why);
  }
  for (const { node, original } of graph.exits) {
    if (depends.get(node) !== "image")
      reasons.add(`exit ${original}`, "expected scores that depend on the image");
  }
}

function objection(node: ForeignNode, kind: string | undefined | null, depends: Dependence): string | null {
  const { op, attr } = node;
  if (CONTROL.test(op)) return REFUSED_KINDS.control as string;
  if (kind === null) return "the graph executor of this TF.js does not know this operation";
  if (kind !== undefined && REFUSED_KINDS[kind] !== undefined) return REFUSED_KINDS[kind] as string;
  if (RANDOM.test(op)) return "random values are not the same on edge and cloud";
  if (textOf(attr, "data_format").startsWith("NC")) return "expected data_format NHWC, got NCHW";
  if (depends !== "image") return null;
  const to = op === "Cast" ? typeOf(attr, "DstT") : undefined;
  const isInteger = INTEGER_OPS.test(op) || (to !== undefined && to !== "DT_FLOAT");
  return isInteger
    ? "its output depends on the image and is no float32, the only type that can be cut"
    : null;
}

/** TF.js' kind of every node's operation, null for one that it does not know, by the node's name. */
function operationKinds(json: ModelJson, reasons: Reasons): ReadonlyMap<string, string | null> | null {
  try {
    const model = new GraphModel<io.IOHandlerSync>({
      load: () => ({
        format: "graph-model",
        modelTopology: { versions: { producer: 0 }, ...json.modelTopology },
        weightSpecs: [],
        weightData: new ArrayBuffer(0),
      }),
    });
    model.load();
    const { graph } = (model as unknown as LoadedModel).executor;
    return new Map(Object.values(graph.nodes).map(({ name, category }) => [name, category ?? null]));
  } catch (thrown) {
    reasons.add("graph", `TF.js cannot read it: ${toEddiError(thrown).message.split("\n")[0]}`);
    return null;
  }
}

/** What a loaded GraphModel knows of its nodes: the category comes from the executor's table of operations. */
interface LoadedModel {
  readonly executor: {
    readonly graph: {
      readonly nodes: Readonly<Record<string, { readonly name: string; readonly category?: string }>>;
    };
  };
}

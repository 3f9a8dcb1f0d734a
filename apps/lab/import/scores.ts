import type { OutputKind } from "#shared/model";
import { type Constant, typeAttr } from "../graph-model/node-def.ts";
import type { Reasons } from "../graph-model/reasons.ts";
import { AskedKinds, type SeenScores } from "./ask-output.ts";
import { type ForeignExit, type ForeignGraph, type ForeignNode, freeName, titleOf } from "./graph.ts";
import type { StaticGraph } from "./make-static.ts";
import { endsInSum, findKind, objectionTo } from "./output-kind.ts";

/** A graph whose every exit gives scores of a known kind: float32 [batch, width]. */
export interface ScoredGraph {
  readonly graph: ForeignGraph;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Scores of an image. */
  readonly width: number;
  readonly output: OutputKind;
}

/** What the user says of the scores. */
export interface SaidOfScores {
  /** `--output`. */
  readonly output: OutputKind | null;
  /** Whether the classes were named. */
  readonly hasLabels: boolean;
}

/**
 * Finds out what the exits' scores are. Nothing is done to them: one that ends in [batch, 1, 1, width] gets a reshape.
 *
 * @param seen    by exit's node: scores of photos
 * @param reasons gets exits that give no scores, and those that fit badly together
 * @throws EddiError `bad-argument` when what the scores are is neither certain nor said
 */
export function withScores(
  { graph, shapes, scores }: StaticGraph,
  seen: ReadonlyMap<string, readonly SeenScores[]>,
  said: SaidOfScores,
  reasons: Reasons,
): ScoredGraph {
  const nodes = [...graph.nodes];
  const constants = new Map(graph.constants);
  const all = new Map(shapes);
  const asked = new AskedKinds();
  let width = 0;
  let first: OutputKind | null = null;
  const exits = graph.exits.map((exit): ForeignExit => {
    const at = graph.nodes.find(({ name }) => name === exit.node) as ForeignNode;
    const shape = shapes.get(exit.node) ?? [];
    const own = shape.at(-1) ?? 0;
    const refuse = (why: string): ForeignExit => {
      reasons.add(`exit ${exit.original}, ${titleOf(at)}`, why);
      return exit;
    };
    if (own < 1 || shape.slice(0, -1).some((side) => side !== 1)) {
      return refuse(`expected [batch, scores], got [batch, ${shape.join(", ")}]`);
    }
    const photos = seen.get(exit.node) ?? [];
    const rows = [...(scores.get(exit.node) ?? []), ...photos.map(({ row }) => row)];
    if (rows.some((row) => !row.every(Number.isFinite))) return refuse("expected finite scores, got others");
    if (width > 0 && width !== own)
      return refuse(`expected ${width} scores as at the exit before, got ${own}`);
    width = own;
    const found = findKind(graph, exit.node, rows);
    const kind =
      said.output ??
      found.kind ??
      (said.hasLabels && own > 1 && endsInSum(graph, exit.node) ? "logits" : null);
    if (kind === null) {
      asked.add(exit.original, shape, found.kind === null ? found.why : "", photos);
      return exit;
    }
    const mixes = graph.exits.length > 1 && found.kind === "softmax" && kind === "logits";
    const why = mixes ? null : objectionTo(kind, found, rows);
    if (why !== null) return refuse(`--output ${kind}: ${why}`);
    const output = mixes ? "softmax" : kind;
    const family = familyOf(output);
    first ??= output;
    if (family !== familyOf(first))
      return refuse(`expected ${familyOf(first)} as at the exit before, got ${family}`);
    let { node } = exit;
    if (shape.length > 1) {
      const target: Constant = {
        name: freeName({ ...graph, nodes, constants }, `${exit.id}/shape`),
        dtype: "int32",
        shape: [2],
        values: Int32Array.of(-1, own),
      };
      constants.set(target.name, target);
      node = freeName({ ...graph, nodes, constants }, `${exit.id}/scores`);
      const attr = { T: typeAttr("float32"), Tshape: typeAttr("int32") };
      nodes.push({ name: node, op: "Reshape", inputs: [exit.node, target.name], attr });
      all.set(node, [own]);
    }
    return { ...exit, node, output };
  });
  const distinct = new Set(exits.map(({ node }) => node));
  if (distinct.size < exits.length) reasons.add("exits", "expected nodes of their own, got one twice");
  if (reasons.isEmpty) asked.check();
  return { graph: { nodes, constants, exits }, shapes: all, width, output: exits.at(-1)?.output ?? "vector" };
}

const familyOf = (kind: OutputKind): string => (kind === "softmax" || kind === "logits" ? "classes" : kind);

import { type Constant, typeAttr } from "../graph-model/node-def.ts";
import { type ForeignExit, type ForeignGraph, type ForeignNode, freeName, titleOf } from "./graph.ts";
import type { StaticGraph } from "./make-static.ts";
import type { Reasons } from "./reasons.ts";

/** A graph whose every exit gives class probabilities: float32 [batch, classes]. */
export interface ScoredGraph {
  readonly graph: ForeignGraph;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly classes: number;
  /** By exit: whether it gave logits, so that a softmax follows now. */
  readonly isSoftened: readonly boolean[];
}

/** Rows of probabilities sum to 1 within this. */
const SUM_TOLERANCE = 1e-3;
const FLOAT = { T: typeAttr("float32") };

/**
 * Makes sure that exits give probabilities: whether they do now is seen from what they gave for two images.
 * Those that end in logits get a softmax, those that end in [batch, 1, 1, classes] a reshape.
 *
 * @param reasons gets exits that are no classifiers, and those of different widths
 */
export function withScores({ graph, shapes, scores }: StaticGraph, reasons: Reasons): ScoredGraph {
  const nodes = [...graph.nodes];
  const constants = new Map(graph.constants);
  const all = new Map(shapes);
  const isSoftened: boolean[] = [];
  let classes = 0;
  const append = (id: string, part: string, node: Omit<ForeignNode, "name">, width: number): string => {
    const name = freeName({ ...graph, nodes, constants }, `${id}/${part}`);
    nodes.push({ ...node, name });
    all.set(name, [width]);
    return name;
  };
  const exits = graph.exits.map((exit): ForeignExit => {
    const { id, original } = exit;
    const at = graph.nodes.find(({ name }) => name === exit.node) as ForeignNode;
    const shape = shapes.get(exit.node) ?? [];
    const width = shape.at(-1) ?? 0;
    const rows = scores.get(exit.node) ?? [];
    const refuse = (why: string): ForeignExit => {
      reasons.add(`exit ${original}, ${titleOf(at)}`, why);
      return exit;
    };
    if (width < 2 || shape.slice(0, -1).some((side) => side !== 1)) {
      return refuse(`expected [batch, classes] with 2 classes or more, got [batch, ${shape.join(", ")}]`);
    }
    if (rows.some((row) => !row.every(Number.isFinite))) return refuse("expected finite scores, got others");
    if (at.op === "Sigmoid") {
      return refuse(
        "expected probabilities that sum to 1, or logits; got a score of its own for every class",
      );
    }
    if (classes > 0 && classes !== width)
      return refuse(`expected ${classes} classes as at the exit before, got ${width}`);
    classes = width;
    const isProbable = rows.every(areProbabilities);
    isSoftened.push(!isProbable);
    let node = exit.node;
    if (shape.length > 1) {
      const target: Constant = {
        name: freeName({ ...graph, nodes, constants }, `${id}/shape`),
        dtype: "int32",
        shape: [2],
        values: Int32Array.of(-1, width),
      };
      constants.set(target.name, target);
      const attr = { ...FLOAT, Tshape: typeAttr("int32") };
      const part = isProbable ? "scores" : "logits";
      node = append(id, part, { op: "Reshape", inputs: [node, target.name], attr }, width);
    }
    if (!isProbable) node = append(id, "scores", { op: "Softmax", inputs: [node], attr: FLOAT }, width);
    return { ...exit, node };
  });
  const distinct = new Set(exits.map(({ node }) => node));
  if (distinct.size < exits.length) reasons.add("exits", "expected nodes of their own, got one twice");
  return { graph: { nodes, constants, exits }, shapes: all, classes, isSoftened };
}

function areProbabilities(row: Float32Array): boolean {
  const sum = row.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) <= SUM_TOLERANCE && row.every((value) => value >= -SUM_TOLERANCE);
}

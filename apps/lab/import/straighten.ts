import { boolAttr, type Constant } from "../graph-model/node-def.ts";
import { flagOf } from "./attributes.ts";
import { type ForeignGraph, type ForeignNode, freeName, pruned } from "./graph.ts";

const PRODUCTS = new Set(["MatMul", "_FusedMatMul"]);

/**
 * Matrix products with a constant that is to be transposed, with one that is. TF.js 4.22's WASM kernel adds the
 * bias of a fused product with `transpose_b` wrongly to all rows but the first.
 */
export function straighten(graph: ForeignGraph): ForeignGraph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node): ForeignNode => {
    const [x = "", name = "", ...others] = node.inputs;
    const kernel = constants.get(name);
    const isTurned = PRODUCTS.has(node.op) && flagOf(node.attr, "transpose_b");
    if (!isTurned || kernel === undefined || kernel.shape.length !== 2) return node;
    const turned = transposed(kernel, freeName({ ...graph, constants }, `${name}/transposed`));
    constants.set(turned.name, turned);
    const attr = { ...node.attr, transpose_b: boolAttr(false) };
    return { ...node, inputs: [x, turned.name, ...others], attr };
  });
  return pruned({ ...graph, nodes, constants });
}

/** A matrix with rows and columns changed over, stored as before. */
function transposed(constant: Constant, name: string): Constant {
  const { shape, stored } = constant;
  const [rows = 0, columns = 0] = shape;
  const values = constant.values.slice();
  const width = stored === undefined ? 0 : stored.bytes.length / values.length;
  const bytes = new Uint8Array(stored?.bytes.length ?? 0);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [from, to] = [row * columns + column, column * rows + row];
      values[to] = constant.values[from]!;
      if (stored) bytes.set(stored.bytes.subarray(from * width, (from + 1) * width), to * width);
    }
  }
  const turned = { ...constant, name, shape: [columns, rows], values };
  return stored === undefined ? turned : { ...turned, stored: { ...stored, bytes } };
}

import { flagOf } from "../writing/attributes.ts";
import { cannotExport, type Operation } from "../writing/segment-writer.ts";
import { fusedOf, putActivated } from "./activation.ts";

/** `MatMul` and its fused form, of [batch, inputs]. */
export const dense: Operation = (node, to) => {
  const [left, right, bias] = node.inputs;
  if (to.shapeOf(left!).length !== 2 || flagOf(node, "transpose_a")) {
    throw cannotExport(node, `expected rows of one axis, got ${JSON.stringify(to.shapeOf(left!))}`);
  }
  const inputs = [left!, right!, ...(fusedOf(node).hasBias ? [bias!] : [])];
  const values = inputs.map((name) => to.read(name, "given"));
  const attributes = { transB: Number(flagOf(node, "transpose_b")) };
  putActivated(node, to, to.add("Gemm", values, node, attributes), "given");
};

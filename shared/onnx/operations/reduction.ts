import { flagOf } from "#shared/exporting";
import { axisIn } from "../writing/layout.ts";
import type { Operation } from "../writing/segment-writer.ts";

/** `Mean`, `Max`, `Min` and `Sum` over axes that are constants. */
export const reduction =
  (opType: "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceSum"): Operation =>
  (node, to) => {
    const [input] = node.inputs;
    const rank = to.shapeOf(input!).length;
    const axes = to.integersOf(node, 1).map((axis) => (axis < 0 ? axis + rank : axis));
    const keeps = flagOf(node, "keep_dims");
    const isOverPixels = to.isMap(input!) && axes.toSorted().join() === "1,2";
    // What is left of a map then is [batch, channels], which both layouts agree on.
    const layout = to.isMap(input!) && (keeps || isOverPixels) ? "channels-first" : "given";
    const value = to.read(input!, layout);
    const result = keeps ? layout : "given";
    if (opType === "ReduceMean" && isOverPixels) {
      const pooled = to.add("GlobalAveragePool", [value], node);
      to.put(node.name, keeps ? pooled : to.add("Flatten", [pooled], node, { axis: 1 }), result);
      return;
    }
    const places = axes.map((axis) => axisIn(layout, axis));
    const keepdims = Number(keeps);
    // The set of operations that we write gives these axes as an input, and those of the others as an attribute.
    const reduced =
      opType === "ReduceSum"
        ? to.add(opType, [value, to.graph.integers(`${node.name}/axes`, places)], node, { keepdims })
        : to.add(opType, [value], node, { axes: places, keepdims });
    to.put(node.name, reduced, result);
  };

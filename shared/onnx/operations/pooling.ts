import { integersOf } from "#shared/exporting";
import type { Attributes } from "../writing/schema.ts";
import type { Operation } from "../writing/segment-writer.ts";
import { windowOf } from "./window.ts";

/** `MaxPool`, and `AvgPool`, which does not count what is padded. */
export const pooling =
  (opType: "MaxPool" | "AveragePool", attributes: Attributes): Operation =>
  (node, to) => {
    const window = windowOf(node, to, integersOf(node, "ksize").slice(1, 3));
    const value = to.read(node.inputs[0]!, "channels-first");
    to.put(node.name, to.add(opType, [value], node, { ...window, ...attributes }), "channels-first");
  };

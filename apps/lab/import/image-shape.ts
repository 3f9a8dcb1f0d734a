import { type Constant, shapeAttr, typeAttr } from "../graph-model/node-def.ts";
import type { Reasons } from "../graph-model/reasons.ts";
import { sidesOf } from "./attributes.ts";
import { type ForeignGraph, type ForeignNode, freeName } from "./graph.ts";

/** Inputs beyond this are no images that a page would make. */
const MOST_SIDE = 4096;

/** What has fewer columns is rather [height, channels], or a batch-less image, than a grey one. */
const LEAST_COLUMNS = 5;

/**
 * The placeholder of an image, for any number of images.
 *
 * @param sides as the model has them: [batch, height, width, channels], or [batch, height, width] of grey ones; null
 *              where unknown
 */
export function checkImageShape(
  name: string,
  sides: readonly (number | null)[] | undefined,
  reasons: Reasons,
): ForeignNode {
  const what = `input ${name}`;
  const expected = "[batch, height, width, channels] with 1 or 3 channels, or [batch, height, width]";
  const [batch, ...image] = sides ?? [];
  const shown = sides === undefined ? "no shape" : `[${sides.map((side) => side ?? "unknown").join(", ")}]`;
  const [height, width, channels = 1] = image;
  const isGrey = image.length === 2 && (width === null || (width as number) >= LEAST_COLUMNS);
  if (image.length !== 3 && !isGrey) reasons.add(what, `expected ${expected}, got ${shown}`);
  else {
    const unknown = ["height", "width", "channels"].filter((_, at) => image[at] === null);
    if (unknown.length > 0)
      reasons.add(what, `expected known sides, got ${shown}: ${unknown.join(" and ")} unknown`);
    else if (channels !== 1 && channels !== 3) reasons.add(what, `expected ${expected}, got ${shown}`);
    else if (Math.max(height ?? 0, width ?? 0) > MOST_SIDE) {
      reasons.add(what, `expected sides of at most ${MOST_SIDE}, got ${shown}`);
    }
    if (batch != null && batch > 1)
      reasons.add(what, `expected one image or any number, got a batch of ${batch}`);
  }
  return placeholder(
    name,
    image.map((side) => side ?? -1),
  );
}

/** Without the batch axis. */
export function inputSides(image: ForeignNode | undefined): readonly number[] {
  const [, ...sides] = sidesOf(image?.attr ?? {}, "shape") ?? [];
  return sides.map((side) => side ?? 0);
}

/** The graph with an image of [batch, height, width, 1] where it had [batch, height, width]. */
export function withChannelAxis(graph: ForeignGraph): ForeignGraph {
  const [image, ...others] = graph.nodes;
  const sides = inputSides(image);
  if (image === undefined || sides.length !== 2) return graph;
  const shape: Constant = {
    name: freeName(graph, `${image.name}/sides`),
    dtype: "int32",
    shape: [3],
    values: Int32Array.of(-1, ...sides),
  };
  const flat: ForeignNode = {
    name: freeName(graph, `${image.name}/plane`),
    op: "Reshape",
    inputs: [image.name, shape.name],
    attr: { T: typeAttr("float32"), Tshape: typeAttr("int32") },
  };
  const moved = others.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => (input === image.name ? flat.name : input)),
  }));
  return {
    ...graph,
    nodes: [placeholder(image.name, [...sides, 1]), flat, ...moved],
    constants: new Map([...graph.constants, [shape.name, shape]]),
  };
}

/** @param sides without the batch axis, -1 where unknown */
function placeholder(name: string, sides: readonly number[]): ForeignNode {
  const attr = { dtype: typeAttr("float32"), shape: shapeAttr([-1, ...sides]) };
  return { name, op: "Placeholder", inputs: [], attr };
}

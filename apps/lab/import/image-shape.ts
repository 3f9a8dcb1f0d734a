import { shapeAttr, typeAttr } from "../graph-model/node-def.ts";
import type { ForeignNode } from "./graph.ts";
import type { Reasons } from "./reasons.ts";

/** Inputs beyond this are no images that a page would make. */
const MOST_SIDE = 4096;

/**
 * The placeholder of an image, for any number of images.
 *
 * @param sides as the model has them: [batch, height, width, channels], null where unknown
 */
export function checkImageShape(
  name: string,
  sides: readonly (number | null)[] | undefined,
  reasons: Reasons,
): ForeignNode {
  const what = `input ${name}`;
  const expected = "[batch, height, width, channels] with 1 or 3 channels";
  const [batch, ...image] = sides ?? [];
  const shown = sides === undefined ? "no shape" : `[${sides.map((side) => side ?? "unknown").join(", ")}]`;
  if (sides === undefined || image.length !== 3) reasons.add(what, `expected ${expected}, got ${shown}`);
  else {
    const unknown = ["height", "width", "channels"].filter((_, at) => image[at] === null);
    const [height, width, channels] = image;
    if (unknown.length > 0)
      reasons.add(what, `expected known sides, got ${shown}: ${unknown.join(" and ")} unknown`);
    else if (channels !== 1 && channels !== 3) reasons.add(what, `expected ${expected}, got ${shown}`);
    else if (Math.max(height ?? 0, width ?? 0) > MOST_SIDE) {
      reasons.add(what, `expected sides of at most ${MOST_SIDE}, got ${shown}`);
    }
    if (batch != null && batch > 1)
      reasons.add(what, `expected one image or any number, got a batch of ${batch}`);
  }
  const attr = { dtype: typeAttr("float32"), shape: shapeAttr([-1, ...image.map((side) => side ?? -1)]) };
  return { name, op: "Placeholder", inputs: [], attr };
}

import { type Affine, affineOf } from "./affine.ts";
import { type ForeignGraph, readersOf } from "./graph.ts";
import { inputSides } from "./image-shape.ts";

/** Scaled values within this are what networks are trained on. */
const USUAL_MOST = 6;
/** And they are spread by this at least. */
const USUAL_SPREAD = 0.5;

/**
 * What a model does to its image's channels before anything else: rescaling, normalisation.
 *
 * @returns null where it does nothing of the kind
 */
export function ownScaling(graph: ForeignGraph): Affine | null {
  const [image] = graph.nodes;
  const sides = inputSides(image);
  const channels = sides.at(-1) ?? 1;
  const readers = readersOf(graph);
  let at = image?.name ?? "";
  let found: Affine | null = null;
  for (;;) {
    const [reader, ...others] = readers.get(at) ?? [];
    if (reader === undefined || others.length > 0) return found;
    const step = affineOf(reader, at, graph.constants, channels, sides.length);
    if (step === null) return found;
    const before: Affine = found ?? {
      scale: new Float64Array(channels).fill(1),
      shift: new Float64Array(channels),
    };
    found = {
      scale: before.scale.map((value, c) => value * step.scale[c]!),
      shift: before.shift.map((value, c) => value * step.scale[c]! + step.shift[c]!),
    };
    at = reader.name;
  }
}

/** Whether a range of images becomes values that networks are trained on. */
export function fits({ scale, shift }: Affine, [low, high]: readonly [number, number]): boolean {
  const ends = [...scale].flatMap((value, c) => [low * value + shift[c]!, high * value + shift[c]!]);
  const spread = Math.max(...ends) - Math.min(...ends);
  return spread >= USUAL_SPREAD && Math.max(...ends.map(Math.abs)) <= USUAL_MOST;
}

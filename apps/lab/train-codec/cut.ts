import { EddiError } from "#shared/errors";
import { elementCount, type Model } from "#shared/model";

/** What a learned codec spans: the tensor behind the encoder, and the later one that the decoder gives. */
export interface Span {
  readonly tensor: string;
  readonly replaces: string;
}

/** From a tensor's side to the other's: halved so often, each time rounded up, as strided convolutions do. */
export function halvings(from: readonly number[], to: readonly number[]): number | null {
  let [height, width] = from as [number, number];
  for (let count = 0; ; count++) {
    if (height === to[0] && width === to[1]) return count;
    if (height <= to[0]! || width <= to[1]!) return null;
    [height, width] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  }
}

/**
 * Checks what a codec is to be trained for. Both tensors are maps that are all that what lies behind them reads; the later
 * one has the sides of the earlier, halved some times.
 *
 * @param replaces where it is not given, the smallest such map that leads to the last exit, of equals the earliest
 * @throws EddiError `bad-argument` for tensors that are none, saying which are
 */
export function spanOf(model: Model, tensor: string, replaces: string | undefined): Span {
  const { tensors, input, exits } = model.metadata;
  const [image, ...names] = model.dag.names;
  const shapeOf = (name: string): readonly number[] => tensors[name]!.shape;
  const laterOf = (name: string): readonly string[] => {
    const reached = nodesBehind(model, name);
    const leads = (one: string) => nodesBehind(model, one).has(exits.at(-1)!.node);
    return names.filter((one) => {
      if (!reached.has(one) || !isMapOfOne(model, one) || !leads(one)) return false;
      return halvings(shapeOf(name), shapeOf(one)) !== null;
    });
  };
  const isEarlier = (name: string): boolean => isMapOfOne(model, name) && laterOf(name).length > 0;
  if (tensor === image || !names.includes(tensor) || !isEarlier(tensor)) {
    const why = tensor === input.node ? " (images have JPEG and WebP)" : "";
    const known = names.filter(isEarlier).join(", ") || "none in this model";
    const what = "a map that alone is read by what lies behind it, with another such map later";
    throw new EddiError("bad-argument", `--tensor: expected ${what}: ${known}; got ${tensor}${why}`);
  }
  const later = laterOf(tensor);
  if (replaces !== undefined) {
    if (later.includes(replaces)) return { tensor, replaces };
    throw new EddiError("bad-argument", `--replaces: expected one of ${later.join(", ")}, got ${replaces}`);
  }
  const size = (name: string): number => elementCount(shapeOf(name));
  const smallest = later.reduce((best, name) => (size(name) < size(best) ? name : best));
  return { tensor, replaces: smallest };
}

/** What a node leads to, without itself. */
export function nodesBehind({ dag }: Model, name: string): ReadonlySet<string> {
  const reached = dag.names.map((one) => one === name);
  dag.names.forEach((_, node) => {
    if (dag.predecessors[node]!.some((from) => reached[from])) reached[node] = true;
  });
  return new Set(dag.names.filter((one, node) => reached[node] && one !== name));
}

/** Whether a node's tensor is a map of several places, and what lies behind it reads nothing else of what lies before. */
function isMapOfOne(model: Model, name: string): boolean {
  const { dag, metadata } = model;
  const behind = nodesBehind(model, name);
  const { shape } = metadata.tensors[name]!;
  // Behind a pooling of all places imported models often go on with maps of a single one: vectors.
  if (shape.length !== 3 || shape[0]! * shape[1]! === 1 || behind.size === 0) return false;
  return dag.names.every(
    (one, node) =>
      !behind.has(one) ||
      dag.predecessors[node]!.every((from) => dag.names[from] === name || behind.has(dag.names[from]!)),
  );
}

import type { Model } from "./model.ts";
import type { Segment } from "./segment.ts";

/** A list cut up into so many parts of about one length, or as many as it has members; one, if it has none. */
export function inParts<T>(list: readonly T[], count: number): readonly (readonly T[])[] {
  const parts = Math.max(1, Math.min(Math.round(count), list.length));
  const start = (part: number): number => Math.floor((part * list.length) / parts);
  return Array.from({ length: parts }, (_, part) => list.slice(start(part), start(part + 1)));
}

/**
 * A segment in parts that run one after the other, of about as many nodes each: what a part reads was fed to the segment,
 * or is an output of a part before it.
 *
 * @param count of parts, at most one for each node; 1 or more
 */
export function partsOf({ dag }: Model, segment: Segment, count: number): readonly Segment[] {
  const lists = inParts(segment.nodes, count);
  if (lists.length === 1) return [segment];
  const place = new Map(dag.names.map((name, node) => [name, node]));
  const partAt = new Map(lists.flatMap((nodes, part) => nodes.map((name) => [name, part] as const)));
  const read = new Set(segment.outputs);
  const parts: Segment[] = [];
  // From the last one on: what later parts read is known then.
  for (const [part, nodes] of [...lists.entries()].reverse()) {
    const outputs = nodes.filter((name) => read.has(name));
    const above = nodes.flatMap((name) =>
      dag.predecessors[place.get(name)!]!.map((node) => dag.names[node]!),
    );
    const feeds = [...new Set(above)].filter((name) => partAt.get(name) !== part);
    for (const name of feeds) read.add(name);
    parts.unshift({ nodes, feeds, outputs });
  }
  return parts;
}

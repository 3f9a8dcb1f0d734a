import type { Model } from "./model.ts";
import type { Segment } from "./segment.ts";

/**
 * A list cut up into at most so many parts that weigh about as much each; fewer where single members weigh more than
 * that; one, if it has none.
 *
 * @param count 1 or more
 * @param weightOf a member, 0 or more
 */
export function inParts<T>(
  list: readonly T[],
  count: number,
  weightOf: (member: T) => number,
): readonly (readonly T[])[] {
  const total = list.reduce((sum, member) => sum + weightOf(member), 0);
  const parts: T[][] = [];
  let before = 0;
  let latest = -1;
  for (const member of list) {
    const weight = weightOf(member);
    // By where its middle lies; one without weight at the end lies in the last part.
    const part = total > 0 ? Math.min(count - 1, Math.floor((count * (before + weight / 2)) / total)) : 0;
    if (part > latest) parts.push([]);
    parts.at(-1)!.push(member);
    latest = part;
    before += weight;
  }
  return parts.length > 0 ? parts : [[]];
}

/**
 * A segment in parts that run one after the other, of about as much work each: what a part reads was fed to the segment,
 * or is an output of a part before it.
 *
 * @param count of parts, at most one for each node; 1 or more
 * @param workOf a node, in any unit
 */
export function partsOf(
  { dag }: Model,
  segment: Segment,
  count: number,
  workOf: (node: string) => number,
): readonly Segment[] {
  const lists = inParts(segment.nodes, count, workOf);
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

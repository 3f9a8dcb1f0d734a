import type { Plan } from "#shared/model";
import type { ModelSummary, WhatRan } from "../../talk/edge.ts";

/** Where a node ran, or is to run. */
export type Place = "edge" | "cloud" | "unused";

export interface Places {
  readonly exit: string;
  /** By node, in the model's order. */
  readonly of: readonly Place[];
  /** Nodes that compute: the image is none. */
  readonly edge: number;
  readonly cloud: number;
}

/** Where the nodes ran for an answer. */
export function placesOfRun({ exit, here, there }: WhatRan, { nodes }: ModelSummary): Places {
  return toPlaces(exit, nodes, new Set(here), new Set(there));
}

/** Where they are to run by a plan that is followed to its end. */
export function placesOfPlan({ exit, head }: Plan, { nodes, exits }: ModelSummary): Places {
  const node = exits.find(({ id }) => id === exit)?.node;
  const needed = ancestorsOf(
    nodes,
    nodes.findIndex(({ name }) => name === node),
  );
  const here = new Set(head.filter((name) => name !== nodes[0]!.name));
  const there = nodes.filter(({ name }, at) => at > 0 && needed.has(at) && !here.has(name));
  return toPlaces(exit, nodes, here, new Set(there.map(({ name }) => name)));
}

function toPlaces(
  exit: string,
  nodes: ModelSummary["nodes"],
  here: ReadonlySet<string>,
  there: ReadonlySet<string>,
): Places {
  // What ran in both is shown where its result came from. The image is here, whoever computes.
  const placeOf = (name: string, at: number): Place =>
    there.has(name) ? "cloud" : at === 0 || here.has(name) ? "edge" : "unused";
  return { exit, of: nodes.map(({ name }, at) => placeOf(name, at)), edge: here.size, cloud: there.size };
}

function ancestorsOf(nodes: ModelSummary["nodes"], at: number): ReadonlySet<number> {
  const found = new Set([at]);
  // Topological order: everything a node needs comes before it.
  for (let node = at; node >= 0; node--) {
    if (found.has(node)) for (const from of nodes[node]!.predecessors) found.add(from);
  }
  return found;
}

import { EddiError } from "#shared/errors";
import { ancestors, cutVertices, subgraph } from "#shared/graph";
import type { Model } from "#shared/model";
import { nodeWork } from "#shared/profile";
import { expectClasses } from "../evaluate/exit-scores.ts";

/** Shares of the work after which exits are attached unless the command names nodes. */
const SHARES = [0.2, 0.5];

/**
 * Nodes where an exit can leave: feature maps of the last exit's DAG that everything passes, so that an exit there
 * is where a cut is, too.
 *
 * @returns names in topological order
 */
export function attachable(model: Model): readonly string[] {
  const last = model.metadata.exits.at(-1)!;
  const dag = subgraph(model.dag, ancestors(model.dag, model.dag.names.indexOf(last.node)));
  const exits = new Set(model.metadata.exits.map(({ node }) => node));
  return cutVertices(dag)
    .map((vertex) => dag.names[vertex]!)
    .filter((name, at) => {
      const shape = model.metadata.tensors[name]!.shape;
      return at > 0 && !exits.has(name) && shape.length === 3;
    });
}

/**
 * The nodes that exits are attached to.
 *
 * @param named null for those nearest to a fifth and to a half of the work
 * @throws EddiError `bad-argument` for a model of several exits, and for other nodes, with those there are
 */
export function chooseNodes(model: Model, named: readonly string[] | null): readonly string[] {
  expectClasses(model.metadata);
  const { id, exits } = model.metadata;
  if (exits.length > 1) {
    const ids = exits.map((exit) => exit.id).join(", ");
    throw new EddiError("bad-argument", `${id}: expected a model of one exit, got the exits ${ids}`);
  }
  const known = attachable(model);
  if (known.length === 0) {
    throw new EddiError(
      "bad-argument",
      `${id}: expected a feature map that everything passes, there is none to attach an exit to`,
    );
  }
  if (named === null) {
    const shares = new Map(known.map((name) => [name, workBefore(model, name)]));
    const nearest = (share: number): string =>
      known.reduce((best, name) =>
        Math.abs(shares.get(name)! - share) < Math.abs(shares.get(best)! - share) ? name : best,
      );
    return [...new Set(SHARES.map(nearest))];
  }
  const foreign = named.filter((name) => !known.includes(name));
  if (foreign.length > 0) {
    throw new EddiError(
      "bad-argument",
      `--at: expected feature maps that everything passes, ${known.join(", ")}; got ${foreign.join(", ")}`,
    );
  }
  return known.filter((name) => named.includes(name));
}

/** Share of the last exit's multiply-adds that are done when a node is, 0..1. */
function workBefore(model: Model, name: string): number {
  const { dag, metadata } = model;
  const work = nodeWork(model);
  const sum = (node: string): number => {
    const needed = ancestors(dag, dag.names.indexOf(node));
    return work.reduce((total, { macs }, at) => total + (needed[at] ? macs : 0), 0);
  };
  return sum(name) / sum(metadata.exits.at(-1)!.node);
}

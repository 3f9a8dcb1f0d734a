import { ancestors } from "#shared/graph";
import { type ExitPolicy, elementCount, exitById, type Model } from "#shared/model";
import { nodeWork } from "#shared/profile";

/** What it takes to compute an exit, everything before it included. */
export interface ExitWork {
  /** Multiply-adds for one image. */
  readonly macs: number;
  /** Values in the float32 constants that are read. */
  readonly parameters: number;
}

/** @throws EddiError `not-found` for an unknown exit */
export function exitWork(model: Model, exit: string): ExitWork {
  const needed = ancestors(model.dag, model.dag.names.indexOf(exitById(model.metadata, exit).node));
  const macs = nodeWork(model).reduce((sum, { macs }, node) => sum + (needed[node] ? macs : 0), 0);
  const read = new Set(model.nodes.flatMap((node, at) => (needed[at] ? node.weights : [])));
  const parameters = model.shards
    .flatMap((shard) => shard.weights)
    .filter(({ name, dtype }) => read.has(name) && dtype === "float32")
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return { macs, parameters };
}

/** Mean multiply-adds for an image under a policy. */
export function policyMacs(model: Model, { exit, early, reach }: ExitPolicy): number {
  const work = nodeWork(model);
  const path = [...early.map((one) => one.exit), exit];
  const done = new Set<number>();
  return path.reduce((sum, id, step) => {
    const needed = ancestors(model.dag, model.dag.names.indexOf(exitById(model.metadata, id).node));
    const fresh = work.flatMap(({ macs }, node) => (needed[node] && !done.has(node) ? [{ node, macs }] : []));
    for (const { node } of fresh) done.add(node);
    return sum + (step === 0 ? 1 : reach[step - 1]!) * fresh.reduce((total, { macs }) => total + macs, 0);
  }, 0);
}

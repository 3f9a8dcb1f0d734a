import type { ExitCosts } from "#shared/evaluator";

/** What a plan must respect, whatever it costs. Everything absent is allowed. */
export interface Constraints {
  /** Privacy: the cut may not hold the image, alone or with other tensors. */
  readonly noRawUpload?: boolean;
  /** Only the empty cut. */
  readonly offline?: boolean;
  /** The exits allowed, by id. */
  readonly exits?: readonly string[];
  /** The nodes whose weights the edge holds: a head computes no other. The input need not be named. */
  readonly readyNodes?: ReadonlySet<string>;
}

/** Whether a head respects the constraints. */
export function permits(constraints: Constraints, costs: ExitCosts, head: readonly boolean[]): boolean {
  const { noRawUpload, offline, exits, readyNodes } = constraints;
  const { names, successors } = costs.dag;
  if (exits !== undefined && !exits.includes(costs.exit)) return false;
  if (offline && head.includes(false)) return false;
  if (noRawUpload && successors[0]!.some((reader) => !head[reader])) return false;
  return (
    readyNodes === undefined || names.every((name, node) => node === 0 || !head[node] || readyNodes.has(name))
  );
}

import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import { closedHeads } from "#shared/graph";
import type { Conditions } from "#shared/model";
import type { Constraints } from "./constraints.ts";

/** For tests only: every head that the constraints permit, said once more in words of sets. */
export function permittedHeads(costs: ExitCosts, constraints: Constraints): readonly (readonly boolean[])[] {
  const { names, predecessors } = costs.dag;
  if (constraints.exits && !constraints.exits.includes(costs.exit)) return [];
  return [...closedHeads(costs.dag)].filter((head) => {
    const tail = names.map((_, node) => node).filter((node) => !head[node]);
    if (constraints.offline && tail.length > 0) return false;
    if (constraints.noRawUpload && tail.some((node) => predecessors[node]!.includes(0))) return false;
    const { readyNodes } = constraints;
    return !readyNodes || names.every((name, node) => !head[node] || node === 0 || readyNodes.has(name));
  });
}

/** For tests only: the least latency over all permitted heads, by trying them; null if there is none. */
export function exhaustive(
  costs: ExitCosts,
  conditions: Conditions,
  constraints: Constraints,
): Latency | null {
  const latencies = permittedHeads(costs, constraints).map((head) => latencyOf(costs, head, conditions));
  return latencies.sort((a, b) => a.totalMs - b.totalMs)[0] ?? null;
}

/** For tests only: any combination of constraints, most often none. */
export function randomConstraints(random: () => number, all: readonly ExitCosts[]): Constraints {
  const isReady = (): boolean => random() < 0.8;
  return {
    ...(random() < 0.3 ? { noRawUpload: true } : {}),
    ...(random() < 0.1 ? { offline: true } : {}),
    ...(random() < 0.2 ? { exits: all.map(({ exit }) => exit).filter(isReady) } : {}),
    ...(random() < 0.3 ? { readyNodes: new Set(all.flatMap(({ dag }) => dag.names.filter(isReady))) } : {}),
  };
}

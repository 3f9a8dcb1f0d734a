import { type ExitCosts, type Latency, latencyOf } from "#shared/evaluator";
import { ancestors, closedHeads, subgraph } from "#shared/graph";
import type { Conditions, ExitPolicy } from "#shared/model";
import { randomFrom } from "#shared/random";
import { randomExits } from "../evaluator/fixture.ts";
import { randomDag } from "../graph/fixture.ts";
import type { Constraints } from "./constraints.ts";
import type { Objective } from "./optimize.ts";

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

/** For tests only: three or four exits, each with a branch of its own off the trunk, as multi-exit networks have them. */
export function branchyExits(random: () => number): readonly ExitCosts[] {
  const trunk = randomDag(random, 4 + Math.floor(random() * 6));
  const [template] = randomExits(random, 2) as [ExitCosts];
  const exits = Array.from({ length: 2 + Math.floor(random() * 2) }, (_, at) => ({
    id: `e${at}`,
    from: 1 + Math.floor(((at + random()) * (trunk.names.length - 1)) / 4),
  }));
  const names = [...trunk.names, ...exits.map(({ id }) => `${id}-out`)];
  const count = trunk.names.length;
  const dag = {
    names,
    predecessors: [...trunk.predecessors, ...exits.map(({ from }) => [from])],
    successors: names.map((_, node) => [
      ...(trunk.successors[node] ?? []),
      ...exits.flatMap(({ from }, at) => (from === node ? [count + at] : [])),
    ]),
  };
  const cost = (scale: number) => names.map((_, node) => (node === 0 ? 0 : scale * random() ** 2));
  const [edgeMs, cloudMs] = [cost(30), cost(random() < 0.3 ? 40 : 6)];
  const wireBytes = names.map(() => 50 + random() ** 3 * 30_000);
  const [edgeCutMs, cloudCutMs] = [cost(1), cost(0.5)];
  const targets = [...exits.map((_, at) => count + at), count - 1];
  return targets.map((target, position): ExitCosts => {
    const needed = ancestors(dag, target);
    const prune = (values: readonly number[]): number[] => values.filter((_, node) => needed[node]);
    return {
      ...template,
      exit: position < exits.length ? exits[position]!.id : "last",
      position,
      accuracy: 0.5 + 0.12 * position + 0.1 * random(),
      dag: subgraph(dag, needed),
      edgeMs: prune(edgeMs),
      cloudMs: prune(cloudMs),
      wireBytes: prune(wireBytes),
      edgeCutMs: prune(edgeCutMs),
      cloudCutMs: prune(cloudCutMs),
    };
  });
}

/** For tests only: of some it is known how right they are about what they answer, and about the rest. */
export function randomPolicies(random: () => number, costs: readonly ExitCosts[]): ExitPolicy[] {
  return Array.from({ length: Math.floor(random() * 6) }, (_, at): ExitPolicy => {
    const final = 1 + Math.floor(random() * (costs.length - 1));
    const asked = costs.slice(0, final).filter((_, position) => random() < 0.5 || position === 0);
    const { exit } = costs[final]!;
    let past = 1;
    const reach = asked.map(() => (past *= random()));
    const answered = asked.map(() => 0.6 + 0.4 * random());
    const right = random();
    const rest = Object.fromEntries(
      costs.map((one) => [one.exit, one.exit === exit ? right : random() * right]),
    );
    const sure = answered.reduce((sum, share, k) => sum + share * ((reach[k - 1] ?? 1) - reach[k]!), 0);
    const early = asked.map((one) => ({ exit: one.exit, threshold: 0.5 + at / 20 }));
    if (random() < 0.5) return { exit, early, reach, answered, rest, accuracy: sure + past * right };
    return { exit, early, reach, accuracy: costs[final]!.accuracy! - 0.05 * random() };
  });
}

/** For tests only: most often a budget. */
export function randomObjective(random: () => number): Objective {
  const kind = random();
  if (kind < 0.6) return { kind: "accuracy", budgetMs: 10 ** (1 + 1.5 * random()) };
  return { kind: kind < 0.8 ? "latency" : "throughput", minAccuracy: 0.4 + 0.6 * random() };
}

/** For tests only: a policy with a head of its final exit, and what brute force knows of it. */
export interface EveryWay {
  readonly final: ExitCosts;
  readonly policy: ExitPolicy;
  readonly head: readonly boolean[];
  /** By early exit: share of the images that it answers, and when. */
  readonly stages: readonly { readonly share: number; readonly untilMs: number }[];
  /** Of the images that no early exit answers: their share, and how long they take. */
  readonly rest: number;
  readonly latency: Latency;
  /** Means over all images. */
  readonly ms: number;
  readonly edgeMs: number;
  readonly periodMs: number;
  /** Nodes that have run on the edge. */
  readonly done: ReadonlySet<string>;
}

/** For tests only: every policy with every closed head that holds what its early exits need, from first principles. */
export function everyWay(
  costs: readonly ExitCosts[],
  policies: readonly ExitPolicy[],
  constraints: Constraints,
  conditions: Conditions,
  leadMs = 0,
): readonly EveryWay[] {
  const isAllowed = ({ exit }: ExitCosts): boolean => constraints.exits?.includes(exit) ?? true;
  const finals = costs.flatMap((final) => {
    const plain = { exit: final.exit, early: [], reach: [], accuracy: final.accuracy! };
    const own = final.wire?.mode === "raw" ? [] : policies.filter(({ exit }) => exit === final.exit);
    return [plain, ...own].map((policy) => ({ final, policy }));
  });
  return finals.flatMap(({ final, policy }): readonly EveryWay[] => {
    const own = costs.filter(({ wire }) => wire?.mode === costs[0]!.wire?.mode);
    const asked = policy.early.map(({ exit }) => own.find((one) => one.exit === exit)!);
    if (![final, ...asked].every(isAllowed) || !asked.every((exit) => isReady(exit, constraints))) return [];
    return permittedHeads(final, constraints).flatMap((head): readonly EveryWay[] => {
      const inHead = new Set(final.dag.names.filter((_, node) => head[node]));
      const needs = (name: string): boolean => !final.dag.names.includes(name) || inHead.has(name);
      if (!asked.every(({ dag }) => dag.names.every(needs))) return [];
      // The stages one after the other; nothing is computed twice.
      const done = new Set<string>();
      let untilMs = 0;
      const stages = asked.map((exit, at) => {
        untilMs += conditions.edgeScale * exit.edgeFixedMs;
        exit.dag.names.forEach((name, node) => {
          if (!done.has(name)) untilMs += conditions.edgeScale * exit.edgeMs[node]!;
          done.add(name);
        });
        return { share: (policy.reach[at - 1] ?? 1) - policy.reach[at]!, untilMs };
      });
      const whole = latencyOf(final, head, conditions);
      if (whole.totalMs === Number.POSITIVE_INFINITY) return [];
      const doneMs = final.dag.names.reduce((s, name, n) => s + (done.has(name) ? final.edgeMs[n]! : 0), 0);
      const extraMs = untilMs - conditions.edgeScale * doneMs;
      const latency = { ...whole, edgeMs: whole.edgeMs + extraMs, totalMs: whole.totalMs + extraMs };
      const rest = policy.reach.at(-1) ?? 1;
      const answeredMs = stages.reduce((sum, { share, untilMs: ms }) => sum + share * ms, 0);
      const edgeMs = answeredMs + rest * latency.edgeMs;
      return [
        {
          final,
          policy,
          head,
          stages,
          rest,
          latency,
          ms: answeredMs + rest * latency.totalMs,
          edgeMs,
          periodMs: Math.max(leadMs + edgeMs, rest * latency.uplinkMs, rest * latency.cloudMs),
          done: new Set([...done, ...inHead]),
        },
      ];
    });
  });
}

/** For tests only: whether the edge has all weights of an exit. */
export function isReady({ dag }: ExitCosts, { readyNodes }: Constraints): boolean {
  return dag.names.every((name, node) => node === 0 || (readyNodes?.has(name) ?? true));
}

/** Every second link begins slow start anew after a pause, more or less probably. */
export function restarting(conditions: Conditions, seed: number): Conditions {
  return seed % 2 === 0 ? conditions : { ...conditions, restarts: randomFrom(seed)() };
}

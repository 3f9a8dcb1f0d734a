import { EddiError } from "#shared/errors";
import type { ExitCosts } from "#shared/evaluator";
import { ancestors, buildDag, type Dag, subgraph } from "#shared/graph";
import { type Conditions, NO_SPREAD } from "#shared/model";
import type { Objective, PlanningProblem } from "#shared/optimizer";

/**
 * Reads a planning problem as researchers write it: nodes with their times and output sizes, edges, exits,
 * conditions and objective. Codecs and fixed costs cost nothing in it.
 *
 * @throws EddiError `bad-argument`, naming the field, what was expected and what came
 */
export function readProblem(value: unknown): PlanningProblem {
  const root = record(value, "problem");
  const nodes = list(root.nodes, "nodes").map((node, at) => {
    const field = `nodes[${at}]`;
    const { id, edgeMs, cloudMs, outputBytes } = record(node, field);
    return {
      id: name(id, `${field}.id`),
      edgeMs: amount(edgeMs, `${field}.edgeMs`),
      cloudMs: amount(cloudMs, `${field}.cloudMs`),
      outputBytes: amount(outputBytes, `${field}.outputBytes`),
    };
  });
  const known = distinct(
    nodes.map(({ id }) => id),
    (at) => `nodes[${at}].id`,
  );
  const dag = readDag([...known], root.edges);
  const exits = list(root.exits, "exits").map((exit, at) => {
    const field = `exits[${at}]`;
    const { id, node, accuracy, resultBytes } = record(exit, field);
    expect(known.has(node as string), `${field}.node`, "a known node", node);
    expect(amount(accuracy, `${field}.accuracy`) <= 1, `${field}.accuracy`, "0 to 1", accuracy);
    return {
      id: name(id, `${field}.id`),
      node: node as string,
      accuracy: accuracy as number,
      resultBytes: amount(resultBytes, `${field}.resultBytes`),
    };
  });
  distinct(
    exits.map(({ id }) => id),
    (at) => `exits[${at}].id`,
  );

  const byId = new Map(nodes.map((node) => [node.id, node]));
  const costs = exits.map((exit, position): ExitCosts => {
    const pruned = subgraph(dag, ancestors(dag, dag.names.indexOf(exit.node)));
    const own = pruned.names.map((id) => byId.get(id)!);
    const nothing = own.map(() => 0);
    return {
      exit: exit.id,
      position,
      accuracy: exit.accuracy,
      dag: pruned,
      edgeMs: own.map(({ edgeMs }) => edgeMs),
      cloudMs: own.map(({ cloudMs }) => cloudMs),
      wireBytes: own.map(({ outputBytes }) => outputBytes),
      edgeCutMs: nothing,
      cloudCutMs: nothing,
      edgeFixedMs: 0,
      cloudFixedMs: 0,
      requestBytes: 0,
      resultBytes: exit.resultBytes,
    };
  });
  return { costs, conditions: readConditions(root.conditions), objective: readObjective(root.objective) };
}

function readDag(ids: readonly string[], value: unknown): Dag {
  const known = new Set(ids);
  expect(Array.isArray(value), "edges", "an array", value);
  const edges = (value as readonly unknown[]).map((edge, at): [string, string] => {
    const field = `edges[${at}]`;
    const isPair = Array.isArray(edge) && edge.length === 2;
    expect(isPair, field, "a pair of node ids", edge);
    const pair = edge as [unknown, unknown];
    for (const [end, id] of pair.entries()) {
      expect(known.has(id as string), `${field}[${end}]`, "a known node", id);
    }
    return pair as [string, string];
  });
  const read = new Set(edges.map(([, to]) => to));
  const inputs = ids.filter((id) => !read.has(id));
  const dag = orCycle(() => buildDag(ids, edges));
  const inputNames = inputs.slice(0, 5).join(", ");
  expect(inputs.length === 1, "nodes", "one node without predecessors, the image", inputNames);
  return dag;
}

function orCycle(build: () => Dag): Dag {
  try {
    return build();
  } catch (thrown) {
    // Ids may hold anything, the message is one line.
    const said = (thrown as Error).message.replaceAll(/\s+/g, " ");
    throw new EddiError("bad-argument", `edges: ${said}`, { cause: thrown });
  }
}

function readConditions(value: unknown): Conditions {
  const root = record(value, "conditions");
  const field = (key: string): number => amount(root[key], `conditions.${key}`);
  for (const key of ["uplinkBps", "downlinkBps"]) {
    expect(field(key) > 0, `conditions.${key}`, "a number above 0", root[key]);
  }
  return {
    rttMs: field("rttMs"),
    uplinkBps: field("uplinkBps"),
    downlinkBps: field("downlinkBps"),
    edgeScale: field("edgeScale"),
    cloudScale: field("cloudScale"),
    queueMs: field("queueMs"),
    spread: NO_SPREAD,
  };
}

function readObjective(value: unknown): Objective {
  const root = record(value, "objective");
  const { kind } = root;
  if (kind === "accuracy") return { kind, budgetMs: amount(root.budgetMs, "objective.budgetMs") };
  if (kind === "latency" || kind === "throughput") {
    return { kind, minAccuracy: amount(root.minAccuracy, "objective.minAccuracy") };
  }
  return expect(false, "objective.kind", "accuracy, latency or throughput", kind) as never;
}

function distinct(ids: readonly string[], field: (at: number) => string): ReadonlySet<string> {
  const seen = new Set<string>();
  for (const [at, id] of ids.entries()) {
    expect(!seen.has(id), field(at), "a unique id", id);
    seen.add(id);
  }
  return seen;
}

function record(value: unknown, field: string): Record<string, unknown> {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), field, "an object", value);
  return value as Record<string, unknown>;
}

function list(value: unknown, field: string): readonly unknown[] {
  expect(Array.isArray(value) && value.length > 0, field, "a non-empty array", value);
  return value as readonly unknown[];
}

function name(value: unknown, field: string): string {
  expect(typeof value === "string" && value.length > 0, field, "a non-empty string", value);
  return value as string;
}

function amount(value: unknown, field: string): number {
  expect(Number.isFinite(value) && (value as number) >= 0, field, "a finite number of 0 or above", value);
  return value as number;
}

function expect(holds: boolean, field: string, expected: string, came: unknown): void {
  if (holds) return;
  // JSON has no infinity, but numbers too large for it to hold.
  const shown = typeof came === "number" ? `${came}` : (JSON.stringify(came) ?? "nothing").slice(0, 80);
  throw new EddiError("bad-argument", `${field}: expected ${expected}, got ${shown}`);
}

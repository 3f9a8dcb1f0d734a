import { contract, type ExitCosts, type Measure } from "#shared/evaluator";
import { blocks, countClosedHeads, cutVertices, type Dag, type HeadCount } from "#shared/graph";
import type { Model, OperationCounts } from "#shared/model";

/** What the Evaluator makes of a model, stage by stage, in numbers. */
export interface GraphReduction {
  readonly model: string;
  readonly version: string;
  readonly operations: OperationCounts;
  /** Of the DAG of all exits, the input included. */
  readonly nodes: number;
  readonly exits: readonly ExitStages[];
}

export interface ExitStages {
  readonly exit: string;
  readonly nodes: number;
  readonly cutVertices: number;
  readonly blocks: number;
  /** Nodes of the largest block. */
  readonly largestBlock: number;
  readonly closedHeads: HeadCount;
  /** What contraction leaves, by what it preserves. */
  readonly contracted: Readonly<Record<Measure, ContractedStages>>;
}

interface ContractedStages {
  readonly nodes: number;
  readonly closedHeads: HeadCount;
}

/** @param exits costs of the model's exits */
export function graphReduction(model: Model, exits: readonly ExitCosts[]): GraphReduction {
  return {
    model: model.metadata.id,
    version: model.version,
    operations: model.operations,
    nodes: model.nodes.length,
    exits: exits.map(exitStages),
  };
}

function exitStages(costs: ExitCosts): ExitStages {
  const chain = blocks(costs.dag);
  const contracted = (measure: Measure) => sizeOf(contract(costs, { for: measure }).costs.dag);
  return {
    exit: costs.exit,
    ...sizeOf(costs.dag),
    cutVertices: cutVertices(costs.dag).length,
    blocks: chain.length,
    largestBlock: Math.max(0, ...chain.map(({ nodes }) => nodes.length)),
    contracted: { latency: contracted("latency"), any: contracted("any") },
  };
}

function sizeOf(dag: Dag): ContractedStages {
  return { nodes: dag.names.length, closedHeads: countClosedHeads(dag) };
}

/** The reduction as text: a line on the operations, then a row for each exit. */
export function reductionText(reduction: GraphReduction): string {
  const { total, constants, identities, unneeded } = reduction.operations;
  const title =
    `${reduction.model} (${reduction.version}): ${total} operations - ${constants} constants - ` +
    `${identities} identities - ${unneeded} unneeded = ${reduction.nodes} nodes`;
  const small = ({ nodes, closedHeads }: ContractedStages): string[] => [`${nodes}`, headsText(closedHeads)];
  const rows = [
    ["exit", "nodes", "cut vertices", "blocks", "largest", "closed heads", "for latency", "", "for any", ""],
    ...reduction.exits.map((exit) => [
      exit.exit,
      `${exit.nodes}`,
      `${exit.cutVertices}`,
      `${exit.blocks}`,
      `${exit.largestBlock}`,
      headsText(exit.closedHeads),
      ...small(exit.contracted.latency),
      ...small(exit.contracted.any),
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join("  ")
      .trimEnd(),
  );
  return `${title}\n\n${lines.join("\n")}\n\nfor latency, for any: nodes and closed heads after contraction\n`;
}

function headsText({ count, exact }: HeadCount): string {
  return `${exact ? "" : "over "}${count.toLocaleString("en")}`;
}

export interface LaidOutNode {
  /** Longest way from the image. */
  readonly column: number;
  readonly row: number;
}

export interface Layout {
  readonly nodes: readonly LaidOutNode[];
  readonly edges: readonly { readonly from: number; readonly to: number }[];
  readonly columns: number;
  readonly rows: number;
}

/**
 * A plain drawing of a DAG: a node's column is its longest way from the input, its row the first free one
 * at or below its first predecessor's. So the way to the last node tends to be one straight line.
 *
 * @param dag in topological order, predecessors by index
 */
export function layOut(dag: readonly { readonly predecessors: readonly number[] }[]): Layout {
  const columns: number[] = [];
  for (const { predecessors } of dag)
    columns.push(1 + Math.max(-1, ...predecessors.map((at) => columns[at]!)));
  const onSpine = spineOf(dag, columns);
  const rows: number[] = [];
  const taken = new Set<string>();
  const take = (column: number, row: number): boolean => {
    const key = `${column}:${row}`;
    return !taken.has(key) && taken.add(key) !== undefined;
  };
  dag.forEach((_, at) => {
    if (onSpine.has(at)) take(columns[at]!, 0);
  });
  dag.forEach(({ predecessors }, at) => {
    let row = onSpine.has(at) ? 0 : Math.max(1, ...predecessors.map((from) => rows[from]!));
    if (!onSpine.has(at)) while (!take(columns[at]!, row)) row++;
    rows.push(row);
  });
  return {
    nodes: dag.map((_, at) => ({ column: columns[at]!, row: rows[at]! })),
    edges: dag.flatMap(({ predecessors }, to) => predecessors.map((from) => ({ from, to }))),
    columns: 1 + Math.max(...columns),
    rows: 1 + Math.max(...rows),
  };
}

/** The longest way from the input to the last node. */
function spineOf(
  dag: readonly { readonly predecessors: readonly number[] }[],
  columns: readonly number[],
): ReadonlySet<number> {
  const spine = new Set<number>();
  for (let at: number | undefined = dag.length - 1; at !== undefined; ) {
    spine.add(at);
    const column: number = columns[at]!;
    at = dag[at]!.predecessors.find((from) => columns[from] === column - 1);
  }
  return spine;
}

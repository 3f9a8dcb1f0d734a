import { expect, test } from "vitest";
import { layOut } from "./graph-layout.ts";

const dag = [[], [0], [1], [1], [2, 3], [4], [2], [6]].map((predecessors) => ({ predecessors }));

test("edges go to the right, no two nodes share a place, and the longest way is straight", () => {
  const { nodes, edges, columns, rows } = layOut(dag);
  for (const { from, to } of edges) expect(nodes[from]!.column).toBeLessThan(nodes[to]!.column);
  expect(new Set(nodes.map(({ column, row }) => `${column}:${row}`)).size).toBe(nodes.length);
  expect(Math.max(...nodes.map(({ column }) => column))).toBe(columns - 1);
  expect(Math.max(...nodes.map(({ row }) => row))).toBe(rows - 1);
  expect([7, 6, 2, 1, 0].map((at) => nodes[at]!.row)).toEqual([0, 0, 0, 0, 0]);
});

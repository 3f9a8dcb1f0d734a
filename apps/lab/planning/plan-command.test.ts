import { expect, test } from "vitest";
import { runLab } from "../run-lab.ts";
import { atTerminal } from "../terminal/terminal-fixture.ts";

const PROBLEM = {
  nodes: [
    { id: "image", edgeMs: 0, cloudMs: 0, outputBytes: 12000 },
    { id: "n1", edgeMs: 4.1, cloudMs: 0.3, outputBytes: 8000 },
  ],
  edges: [["image", "n1"]],
  exits: [{ id: "exit1", node: "n1", accuracy: 0.71, resultBytes: 64 }],
  conditions: { rttMs: 40, uplinkBps: 5850000, downlinkBps: 2e7, edgeScale: 1, cloudScale: 1, queueMs: 0 },
  objective: { kind: "accuracy", budgetMs: 200 },
};

test("one problem gives one plan, an array gives an array, in the same order", async () => {
  const plan = {
    exit: "exit1",
    edgeNodes: ["image", "n1"],
    cutTensors: [],
    latencyMs: 4.1,
    stages: { edgeMs: 4.1, uplinkMs: 0, cloudMs: 0, fixedMs: 0 },
    periodMs: 4.1,
    accuracy: 0.71,
    feasible: true,
  };
  expect(JSON.parse((await lab(JSON.stringify(PROBLEM))).stdout)).toEqual(plan);
  const late = { ...PROBLEM, objective: { kind: "accuracy", budgetMs: 4 } };
  const { stdout, status } = await lab(JSON.stringify([late, PROBLEM]));
  expect(JSON.parse(stdout)).toEqual([{ ...plan, feasible: false }, plan]);
  expect(status).toBe(0);
});

test.each([
  ["", "empty file"],
  ["{", "JSON"],
  [JSON.stringify({ ...PROBLEM, exits: [] }), "exits: expected"],
  [JSON.stringify([PROBLEM, { ...PROBLEM, edges: [["n1", "n1"]] }]), "[1].edges: expected"],
  [JSON.stringify({ ...PROBLEM, nodes: [{ ...PROBLEM.nodes[0], id: "a\nb" }] }), "edges[0][0]: expected"],
  [JSON.stringify(PROBLEM).replace("4.1", "1e999"), "nodes[1].edgeMs: expected"],
  // Finite numbers, whose products are not.
  [
    JSON.stringify({
      ...PROBLEM,
      nodes: [PROBLEM.nodes[0], { ...PROBLEM.nodes[1], edgeMs: 1e308, cloudMs: 1e308 }],
      conditions: { ...PROBLEM.conditions, edgeScale: 10, cloudScale: 10 },
    }),
    "exit1: expected times and sizes whose sums are finite",
  ],
])("bad input is refused: exit code 2, one line, nothing on standard output (%#)", async (input, said) => {
  const { status, stdout, stderr } = await lab(input);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
  expect(stderr.trimEnd()).not.toContain("\n");
});

function lab(input: string) {
  return atTerminal(() => runLab(["plan", "-"]), input);
}

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "vitest";
import { scaleTransfer, USUAL_TRANSFERS } from "#shared/profile";
import { fixtureModel } from "../../../shared/model/fixture.ts";
import { modelCosts } from "./model-costs.ts";
import { graphReduction, reductionText } from "./reduction.ts";

const folder = await mkdtemp(path.join(tmpdir(), "eddi-graph-"));
afterAll(() => rm(folder, { recursive: true }));

const model = fixtureModel();

test("the reduction of the fixture, counted by hand", async () => {
  const { exits, head, tail } = await modelCosts(folder, model);
  expect([head, tail]).toEqual(["analytic", "analytic"]);
  const reduction = graphReduction(model, exits);
  expect(reduction.operations).toEqual({ total: 24, constants: 8, identities: 1, unneeded: 1 });
  expect(reduction.nodes).toBe(14);
  // image | stem | deep join | pool-1 | exit-1, and for the others image | stem | deep join | left right cat | ...
  const counts = reduction.exits.map((exit) => [
    exit.nodes,
    exit.cutVertices,
    exit.blocks,
    exit.largestBlock,
  ]);
  expect(counts).toEqual([
    [6, 5, 4, 2],
    [9, 6, 5, 3],
    [10, 7, 6, 3],
  ]);
  // A chain has as many heads as nodes; so has a residual block of one branch. Two branches have one more.
  expect(reduction.exits.map(({ closedHeads }) => closedHeads.count)).toEqual([6, 10, 11]);
  for (const { nodes, closedHeads, contracted } of reduction.exits) {
    for (const { nodes: fewer, closedHeads: heads } of [contracted.any, contracted.latency]) {
      expect(fewer).toBeLessThanOrEqual(nodes);
      expect(heads.count).toBeLessThanOrEqual(closedHeads.count);
    }
  }
  expect(reductionText(reduction)).toContain(
    "24 operations - 8 constants - 1 identities - 1 unneeded = 14 nodes",
  );
});

test("stored profiles are preferred, and wrong ones refused", async () => {
  await mkdir(path.join(folder, "profiles"));
  const profile = {
    format: 2,
    model: "fixture",
    version: model.version,
    role: "head",
    device: "test",
    backend: "wasm",
    fixedMs: 3,
    selfTestMs: 1,
    nodeMs: Object.fromEntries(model.dag.names.map((name) => [name, 7])),
    transfer: scaleTransfer(USUAL_TRANSFERS.head, 0),
    samples: [],
  };
  const write = (name: string, text: string) => writeFile(path.join(folder, "profiles", name), text);
  await write("head-wasm.json", JSON.stringify(profile));
  const found = await modelCosts(folder, model);
  expect([found.head, found.tail]).toEqual(["head-wasm.json", "analytic"]);
  expect(found.exits[0]!.edgeMs.slice(1)).toEqual([7, 7, 7, 7, 7]);
  const refused = expect.objectContaining({ code: "bad-profile" });
  for (const text of ["no JSON", "{}", JSON.stringify(profile)]) {
    await write("tail-wasm.json", text);
    await expect(modelCosts(folder, model)).rejects.toThrow(refused);
  }
});

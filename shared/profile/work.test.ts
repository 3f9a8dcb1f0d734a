import { expect, test } from "vitest";
import { fixtureModel } from "../model/fixture.ts";
import { nodeWork, workUnits } from "./work.ts";

const model = fixtureModel();
const work = new Map(nodeWork(model).map((entry, node) => [model.dag.names[node]!, entry]));

test("multiply-accumulates of convolutions and matrix products are those of the textbook", () => {
  expect(work.get("stem")!.macs).toBe(8 * 8 * 8 * (3 * 3 * 3));
  expect(work.get("deep")!.macs).toBe(8 * 8 * 8 * (3 * 3 * 8));
  expect(work.get("left")!.macs).toBe(4 * 4 * 8 * (3 * 3));
  expect(work.get("last")!.macs).toBe(4 * 4 * 4 * 16);
  expect(work.get("exit-1")!.macs).toBe(8 * 4);
});

test("kernels are told apart by what their multiply-accumulates cost", () => {
  const kinds = ["stem", "left", "last", "exit-1", "join"].map((name) => work.get(name)!.kind);
  expect(kinds).toEqual(["conv", "depthwise", "pointwise", "dense", "plain"]);
});

test("other nodes cost what they read and write, the input nothing", () => {
  expect(work.get("join")).toEqual({ kind: "plain", macs: 0, moved: 3 * 8 * 8 * 8 });
  expect(work.get("cat")).toEqual({ kind: "plain", macs: 0, moved: 2 * 4 * 4 * 16 });
  expect(workUnits(work.get("image")!)).toBe(0);
  for (const [name, entry] of work) if (name !== "image") expect(workUnits(entry), name).toBeGreaterThan(0);
});

import { tensor2d, transpose } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import { openBackend } from "../engine/backend.ts";
import { boolAttr, type Constant, intAttr, stringsAttr } from "../graph-model/node-def.ts";
import { floats, foreignGraph, image, node, quantised } from "./fixture.ts";
import { straighten } from "./straighten.ts";

beforeAll(() => openBackend("wasm"));

test("a product with a transposed constant becomes one with it the right way round, stored as before", () => {
  const kernel = quantised(floats("w", [5, 3]));
  const attr = { transpose_b: boolAttr(true), fused_ops: stringsAttr(["BiasAdd"]), num_args: intAttr(1) };
  const nodes = [image(), node("exit", "_FusedMatMul", ["input", "w", "b"], attr)];
  const graph = straighten(foreignGraph({ nodes, constants: [kernel, floats("b", [5])] }, "exit"));
  expect(graph.nodes[1]!.inputs).toEqual(["input", "w/transposed", "b"]);
  expect(graph.nodes[1]!.attr.transpose_b).toEqual({ b: false });
  const turned = graph.constants.get("w/transposed") as Constant;
  const expected = transpose(tensor2d(kernel.values as Float32Array, [5, 3]));
  expect(turned.shape).toEqual([3, 5]);
  expect(turned.values).toEqual(expected.dataSync());
  const { scale, min } = kernel.stored!.quantization as unknown as { scale: number; min: number };
  expect(turned.values).toEqual(Float32Array.from(turned.stored!.bytes, (byte) => byte * scale + min));
  expect([...graph.constants.keys()]).toEqual(["b", "w/transposed"]);
});

test("other products stay as they are", () => {
  for (const [name, isTurned] of [
    ["w", false],
    ["input", true],
  ] as const) {
    const nodes = [image(), node("exit", "MatMul", ["input", name], { transpose_b: boolAttr(isTurned) })];
    const constants = name === "w" ? [floats("w", [3, 5])] : [];
    const graph = foreignGraph({ nodes, constants }, "exit");
    expect(straighten(graph)).toEqual(graph);
  }
});

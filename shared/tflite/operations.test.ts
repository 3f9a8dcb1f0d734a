import "@tensorflow/tfjs-backend-cpu";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, expect, test } from "vitest";
import {
  build,
  CASES,
  type Case,
  CONV,
  dilated,
  fused,
  IMAGE,
  kernel,
  onTfjs,
  window,
} from "../exporting/operation-cases-fixture.ts";
import { furthest, integers, someValues } from "../exporting/small-model-fixture.ts";
import { exportSegment } from "./index.ts";
import { openLiteRt, runTflite } from "./litert-fixture.ts";
import { OPERATIONS } from "./operations/table.ts";

let litert: Awaited<ReturnType<typeof openLiteRt>>;
beforeAll(async () => {
  await setBackend("cpu");
  litert = await openLiteRt();
});

test.each([...OPERATIONS.keys()])("%s gives in LiteRT what it gives in TF.js", async (op) => {
  const image = someValues([1, ...IMAGE], [-1, 1]);
  const own = CASES.filter((one) => one.op === op);
  expect(own).not.toEqual([]);
  for (const one of own) {
    // What shape comes out is TF.js' to say.
    const guess = build(one, [1]);
    const expected = await onTfjs(guess.model, guess.shard, guess.segment, image);
    const { model, shard, segment } = build(one, expected.shape.slice(1));
    const [found] = await runTflite(
      litert,
      exportSegment(model, segment, () => shard),
      segment,
      [image],
    );
    expect(found!.shape, JSON.stringify(one)).toEqual(expected.shape);
    expect(furthest(found!, expected), JSON.stringify(one)).toBeLessThan(1e-4);
  }
});

test.each<[string, Case, RegExp]>([
  [
    "an operation that TFLite lacks",
    { op: "Selu" },
    /^result \(Selu\) cannot be exported to TFLite: expected one of Conv2D, /,
  ],
  [
    "an activation that we do not write",
    {
      op: "_FusedConv2D",
      inputs: CONV,
      attr: { ...window("SAME"), ...dilated(1), ...fused("BiasAdd", "Softplus") },
      constants: kernel(1, 1, 4, 5),
    },
    /^result \(_FusedConv2D\) .*expected Relu, .* or Prelu, got Softplus$/,
  ],
  [
    "rows of several axes",
    { op: "MatMul", inputs: ["maps", "maps"] },
    /^result \(MatMul\) .*expected rows of one axis, got \[1,4,6,4\]$/,
  ],
  [
    "axes that are computed",
    { op: "Mean", inputs: ["maps", "row"] },
    /^result \(Mean\) .*expected a constant as input 1, got row$/,
  ],
  [
    "a kernel of whole numbers",
    { op: "MatMul", inputs: ["row", "kernel"], constants: { kernel: { int32: [1, 2, 3], shape: [3, 1] } } },
    /^result \(MatMul\) .*expected float32 as input 1$/,
  ],
  [
    "padding that nobody knows",
    { op: "MaxPool", attr: { ...window("EXPLICIT"), ksize: integers(1, 2, 2, 1) } },
    /^result \(MaxPool\) .*expected padding SAME or VALID, got EXPLICIT$/,
  ],
])("%s is refused by its name", (_, one, message) => {
  const { model, shard, segment } = build(one, [4]);
  const refused = expect.objectContaining({ code: "bad-model", message: expect.stringMatching(message) });
  expect(() => exportSegment(model, segment, () => shard)).toThrow(refused);
});

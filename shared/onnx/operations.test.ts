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
import { findOrt, runOnnx } from "./onnx-fixture.ts";
import { OPERATIONS } from "./operations/table.ts";

const IMAGES = 2;
const ort = findOrt();
beforeAll(() => setBackend("cpu"));

test.skipIf(ort === null).each([...OPERATIONS.keys()])(
  "%s gives in ONNX Runtime what it gives in TF.js",
  async (op) => {
    const image = someValues([IMAGES, ...IMAGE], [-1, 1]);
    const own = CASES.filter((one) => one.op === op);
    expect(own).not.toEqual([]);
    for (const one of own) {
      // What shape comes out is TF.js' to say.
      const guess = build(one, [1]);
      const expected = await onTfjs(guess.model, guess.shard, guess.segment, image);
      const { model, shard, segment } = build(one, expected.shape.slice(1));
      const file = exportSegment(model, segment, () => shard);
      const [found] = await runOnnx(ort!, file, segment, [image]);
      expect(found!.shape, JSON.stringify(one)).toEqual(expected.shape);
      expect(furthest(found!, expected), JSON.stringify(one)).toBeLessThan(1e-4);
    }
  },
);

/** Where ranges hold what comes, and nothing is as steep as a logarithm. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  image: [-1, 1],
  maps: [-8, 8],
  pooled: [-8, 8],
  row: [-1, 1],
};
const SMOOTH = CASES.filter(({ op }) => /Conv|MatMul|Pool|^Mean|^Add|Concat|^Relu/.test(op));

test.skipIf(ort === null)(
  "in int8 the operations that nets are made of give nearly what TF.js gives",
  async () => {
    const image = someValues([IMAGES, ...IMAGE], [-1, 1]);
    expect(SMOOTH.length).toBeGreaterThan(25);
    for (const one of SMOOTH) {
      const guess = build(one, [1]);
      const expected = await onTfjs(guess.model, guess.shard, guess.segment, image);
      const { model, shard, segment } = build(one, expected.shape.slice(1));
      const { metadata } = model;
      const tensors = Object.fromEntries(
        Object.entries(metadata.tensors).map(([name, tensor]) => [
          name,
          { ...tensor, range: RANGES[name] ?? tensor.range },
        ]),
      );
      const ranged = { ...model, metadata: { ...metadata, tensors } };
      const file = exportSegment(ranged, segment, () => shard, { precision: "int8" });
      const [found] = await runOnnx(ort!, file, segment, [image]);
      const most = expected.values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      const off = found!.values.map((value, at) => Math.abs(value - expected.values[at]!));
      expect(Math.max(...off) / most, JSON.stringify(one)).toBeLessThan(0.05);
      // Rounded it is, not copied.
      expect(Math.max(...off), JSON.stringify(one)).toBeGreaterThan(1e-5);
    }
  },
);

test.each<[string, Case, RegExp]>([
  [
    "an operation that ONNX lacks",
    { op: "Cumsum" },
    /^result \(Cumsum\) cannot be exported to ONNX: expected one of Conv2D, /,
  ],
  [
    "an activation that we do not write",
    {
      op: "_FusedConv2D",
      inputs: CONV,
      attr: { ...window("SAME"), ...dilated(1), ...fused("BiasAdd", "Swish") },
      constants: kernel(1, 1, 4, 5),
    },
    /^result \(_FusedConv2D\) .*expected Relu, .* or Prelu, got Swish$/,
  ],
  [
    "a kernel that is computed",
    { op: "MatMul", inputs: ["maps", "maps"] },
    /^result \(MatMul\) .*expected rows of one axis, got \[-1,4,6,4\]$/,
  ],
  [
    "axes that are computed",
    { op: "Mean", inputs: ["maps", "row"] },
    /^result \(Mean\) .*expected a constant as input 1, got row$/,
  ],
  [
    "padding that nobody knows",
    { op: "MaxPool", attr: { ...window("FULL"), ksize: integers(1, 2, 2, 1) } },
    /^result \(MaxPool\) .*expected padding SAME, VALID or EXPLICIT, got FULL$/,
  ],
])("%s is refused by its name", (_, one, message) => {
  const { model, shard, segment } = build(one, [4]);
  const refused = expect.objectContaining({ code: "bad-model", message: expect.stringMatching(message) });
  expect(() => exportSegment(model, segment, () => shard)).toThrow(refused);
});

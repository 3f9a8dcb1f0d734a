import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Model, readModel } from "#shared/model";
import { ENGINES, precisionOn } from "./index.ts";
import { precisionFor } from "./precision.ts";

const tiny = readModel(readFileSync(new URL("../../models/tiny/model.json", import.meta.url)));

/** Tiny, with exits of these top-1 in float32 and in int8. */
function measured(...exits: readonly (readonly [accuracy: number | null, int8?: number])[]): Model {
  const described = exits.map(([accuracy, int8], at) => ({
    ...tiny.metadata.exits[at]!,
    accuracy,
    ...(int8 === undefined ? {} : { int8 }),
  }));
  return { ...tiny, metadata: { ...tiny.metadata, exits: described } };
}

test("of itself int8 is taken where every exit was measured to lose no more than 0.3 points", () => {
  expect(precisionFor(measured([0.8, 0.797], [0.9, 0.91]), "auto")).toBe("int8");
  expect(precisionFor(measured([0.8, 0.8], [0.9, 0.8969]), "auto")).toBe("fp32");
  expect(precisionFor(measured([0.8, 0.8], [0.9]), "auto")).toBe("fp32");
  expect(precisionFor(measured([null, 0.8]), "auto")).toBe("fp32");
});

test("what is lost on the photos to choose on decides, whatever the others report", () => {
  const exit = (chosen: number, int8Chosen: number) => ({
    ...tiny.metadata,
    exits: [{ ...tiny.metadata.exits[0]!, accuracy: 0.8, int8: 0.79, chosen, int8Chosen }],
  });
  expect(precisionFor({ ...tiny, metadata: exit(0.81, 0.809) }, "auto")).toBe("int8");
  expect(precisionFor({ ...tiny, metadata: exit(0.81, 0.806) }, "auto")).toBe("fp32");
});

test("who names one gets it", () => {
  expect(precisionFor(measured([0.9, 0.1]), "int8")).toBe("int8");
  expect(precisionFor(measured([0.9, 0.9]), "fp32")).toBe("fp32");
});

test("only ONNX Runtime computes in what is asked for", () => {
  const model = measured([0.9, 0.9]);
  const [inInt8, inFp32] = (["int8", "fp32"] as const).map((wanted) =>
    ENGINES.filter((engine) => precisionOn(engine, model, "int8") === wanted),
  );
  expect(inInt8).toEqual(["onnxruntime"]);
  expect(inFp32).toEqual(ENGINES.filter((engine) => engine !== "onnxruntime"));
  expect(precisionOn("onnxruntime", model, "auto")).toBe("int8");
});

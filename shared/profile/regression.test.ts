import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readModel } from "#shared/model";
import { randomFrom } from "#shared/random";
import { fixtureModel } from "../model/fixture.ts";
import { FEATURES, type Kernels, kernelMs } from "./kernels.ts";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import type { Profile } from "./profile.ts";
import { fitRegression, profileFromRegression, readRegression, USUAL_TIMES } from "./regression.ts";
import { scaleTransfer, USUAL_TRANSFERS } from "./transfer.ts";
import { nodeWork } from "./work.ts";

const models = [fixtureModel(), readModel(readFileSync("models/resnet-imagenette/model.json"))];
const KERNELS: Kernels = {
  conv: 6e-8,
  pointwise: 9e-8,
  depthwise: 4e-7,
  moved: 2e-8,
  kernel: 0.01,
  plain: 0.004,
};

/** Profiles of a device on which the kernels take exactly these times, in units of its self-test. */
function profiles(kernels: Kernels, selfTestMs: number, noise: () => number = () => 1): Profile[] {
  return models.map((model) => {
    const work = nodeWork(model);
    return {
      format: 2,
      model: model.metadata.id,
      version: model.version,
      role: "head",
      device: `a device of ${selfTestMs} ms`,
      backend: "wasm",
      fixedMs: 0.2 * selfTestMs,
      selfTestMs,
      nodeMs: Object.fromEntries(
        model.dag.names
          .slice(1)
          .map((name, at) => [name, noise() * selfTestMs * kernelMs(kernels, work[at + 1]!)]),
      ),
      transfer: scaleTransfer(USUAL_TRANSFERS.head, selfTestMs),
      samples: [],
    };
  });
}

const profiled = (list: readonly Profile[]) =>
  list.map((profile, at) => ({ model: models[at % 2]!, profile }));

test("the regression finds the times of the kernels, from devices of any speed", () => {
  const regression = fitRegression(profiled([...profiles(KERNELS, 2), ...profiles(KERNELS, 11)]));
  const { kernels, fixed, transfer, from } = regression.backends.wasm!;
  for (const feature of FEATURES) expect(kernels[feature] / KERNELS[feature], feature).toBeCloseTo(1, 3);
  expect(fixed).toBeCloseTo(0.2, 9);
  expect(transfer.perByteMs).toBeCloseTo(USUAL_TRANSFERS.head.perByteMs, 12);
  expect(from).toHaveLength(4);
  expect(readRegression(JSON.parse(JSON.stringify(regression)))).toEqual(regression);
});

test("a head of a third device is predicted from its self-test alone", () => {
  const regression = fitRegression(profiled(profiles(KERNELS, 2)));
  const [truth] = profiles(KERNELS, 7);
  const { nodeMs, fixedMs } = profileFromRegression(models[0]!, "wasm", regression.backends.wasm!, 7);
  for (const [name, ms] of Object.entries(nodeMs)) expect(ms / truth!.nodeMs[name]!, name).toBeCloseTo(1, 3);
  expect(fixedMs).toBeCloseTo(1.4, 9);
});

test("whatever the noise, no time is negative", () => {
  for (let seed = 0; seed < 20; seed++) {
    const random = randomFrom(seed);
    const regression = fitRegression(profiled(profiles(KERNELS, 3, () => 3 * random() ** 3)));
    for (const model of models) {
      const { nodeMs } = profileFromRegression(model, "wasm", regression.backends.wasm!, 5);
      for (const ms of Object.values(nodeMs)) expect(ms).toBeGreaterThanOrEqual(0);
    }
  }
});

test("backends are fitted apart, tails not at all, and without profiles there is none", () => {
  const [one, two] = profiles(KERNELS, 2);
  const mixed = [one!, { ...two!, backend: "webgpu" }, { ...two!, role: "tail" as const, backend: "native" }];
  const list = mixed.map((profile) => ({ model: models[profile === one ? 0 : 1]!, profile }));
  expect(Object.keys(fitRegression(list).backends)).toEqual(["wasm", "webgpu"]);
  expect(fitRegression([])).toEqual({ format: 1, backends: {} });
});

test("a regression with a field absent or of another kind is refused by its name", () => {
  const valid = { format: 1, backends: { wasm: USUAL_TIMES } };
  expect(readRegression(valid)).toEqual(valid);
  const wrong: readonly [unknown, string][] = [
    [null, "regression"],
    [{ ...valid, format: 2 }, "format"],
    [{ format: 1, backends: { wasm: { ...USUAL_TIMES, fixed: -1 } } }, "wasm.fixed"],
    [{ format: 1, backends: { wasm: { ...USUAL_TIMES, kernels: { conv: 1 } } } }, "wasm.kernels"],
    [{ format: 1, backends: { wasm: { ...USUAL_TIMES, transfer: {} } } }, "wasm.transfer"],
  ];
  for (const [value, field] of wrong) expect(() => readRegression(value)).toThrow(field);
});

test("least squares without negative unknowns find the solution, or the best on the border", () => {
  const rows = [
    [1, 0],
    [1, 1],
    [1, 2],
    [1, 3],
  ];
  const close = (found: readonly number[], expected: readonly number[]) => {
    for (const [at, value] of found.entries()) expect(value).toBeCloseTo(expected[at]!, 9);
  };
  close(nonNegativeLeastSquares(rows, [1, 3, 5, 7]), [1, 2]);
  // Falling: the slope is clipped, and the rest is the mean.
  close(nonNegativeLeastSquares(rows, [4, 3, 2, 1]), [2.5, 0]);
  close(nonNegativeLeastSquares(rows, [-1, -2, -3, -4]), [0, 0]);
  expect(nonNegativeLeastSquares([], [])).toEqual([]);
});

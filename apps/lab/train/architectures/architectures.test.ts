import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { IMAGENETTE_LABELS } from "../../data/imagenette.ts";
import { findNativeTf, type Tf } from "../native.ts";
import { modelVariables } from "../weights.ts";
import { ARCHITECTURE_IDS, buildNetwork, findArchitecture } from "./index.ts";

const native = findNativeTf();

test("an unknown architecture is an error that lists the known", () => {
  expect(() => findArchitecture("vgg")).toThrow(/resnet-imagenette, .*tiny, got "vgg"/);
});

describe.skipIf(!native)("architectures (need @tensorflow/tfjs-node)", { timeout: 60_000 }, () => {
  const tf = native as Tf;

  for (const id of ARCHITECTURE_IDS) {
    test(`${id} has logits at every exit, the same for the same seed`, () => {
      const architecture = findArchitecture(id);
      const network = buildNetwork(tf, architecture, 1, architecture.size);
      const image = tf.randomUniform([2, architecture.size, architecture.size, 3], -1, 1, "float32", 5);
      const answer = (of: typeof network) =>
        [of.model.apply(image, { training: false })].flat() as (typeof image)[];
      const logits = answer(network);
      expect(logits.map(({ shape }) => shape)).toEqual(
        architecture.exitWeights.map(() => [2, IMAGENETTE_LABELS.length]),
      );
      const again = answer(buildNetwork(tf, architecture, 1, architecture.size));
      for (const [exit, tensor] of again.entries()) {
        expect(
          tensor
            .sub(logits[exit] ?? 0)
            .abs()
            .max()
            .dataSync()[0],
        ).toBeLessThan(1e-5);
      }
    });

    test(`${id} has channels by sixteen where it says so, and an input of its own data`, () => {
      const architecture = findArchitecture(id);
      const { model } = buildNetwork(tf, architecture, 1, architecture.size);
      const convolutions = model.layers.filter((layer) => layer.getClassName().endsWith("Conv2D"));
      const channels = convolutions.flatMap(({ weights }) => weights[0]!.shape.slice(2) as number[]);
      const odd = channels.filter((count) => count % 16 !== 0 && count !== 3 && count !== 1);
      expect(odd.length === 0).toBe(architecture.isWide);
      expect(model.inputs[0]?.shape).toEqual([null, architecture.size, architecture.size, 3]);
    });

    test(`${id} names its weights without colons, each once`, () => {
      const names = modelVariables(
        buildNetwork(tf, findArchitecture(id), 1, findArchitecture(id).size).model,
      ).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) expect(name).toMatch(/^[a-z0-9/_]+$/);
    });
  }

  test("the residual net's last exit answers together with the one before it", () => {
    const { model, answers } = buildNetwork(tf, findArchitecture("resnet-imagenette"), 1, 32);
    const image = tf.randomUniform([2, 32, 32, 3], -1, 1, "float32", 5);
    const [logits, said] = [model, answers].map((of) => of.apply(image, { training: false })) as Tensor[][];
    const difference = (a: Tensor, b: Tensor): number => a.sub(b).abs().max().dataSync()[0]!;
    for (const exit of [0, 1, 2]) expect(difference(said![exit]!, logits![exit]!)).toBeLessThan(1e-5);
    expect(difference(logits![3]!, logits![2]!)).toBeGreaterThan(0.01);
    expect(difference(said![3]!, logits![3]!.add(logits![2]!))).toBeLessThan(1e-5);
  });
});

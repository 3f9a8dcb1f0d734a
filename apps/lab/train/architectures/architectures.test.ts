import type { Tensor } from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { IMAGENETTE_LABELS } from "../../data/imagenette.ts";
import { findNativeTf, type Tf } from "../../engine/native.ts";
import { modelVariables } from "../weights.ts";
import { ARCHITECTURE_IDS, buildNetwork, findArchitecture } from "./index.ts";

const native = findNativeTf();

test("an unknown architecture is an error that lists the known", () => {
  expect(() => findArchitecture("vgg")).toThrow(/resnet-imagenette, .*tiny, got "vgg"/);
});

describe.skipIf(!native)("architectures (need @tensorflow/tfjs-node)", () => {
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

  for (const id of ARCHITECTURE_IDS) {
    const architecture = findArchitecture(id);
    const how = architecture.isEnsemble ? "together with the one before it" : "alone";
    test(`the last exit of ${id} answers ${how}`, () => {
      const { size } = architecture;
      const { model, answers } = buildNetwork(tf, architecture, 1, size);
      const image = tf.randomUniform([2, size, size, 3], -1, 1, "float32", 5);
      const [logits, said] = [model, answers].map((of) => of.apply(image, { training: false })) as Tensor[][];
      const last = logits!.length - 1;
      const greatest = (tensor: Tensor): number => tensor.abs().max().dataSync()[0]!;
      // Fresh weights say little.
      const scale = greatest(logits![last]!);
      const difference = (a: Tensor, b: Tensor): number => greatest(a.sub(b)) / scale;
      for (let exit = 0; exit < last; exit++) {
        expect(difference(said![exit]!, logits![exit]!)).toBeLessThan(1e-5);
      }
      const before = architecture.isEnsemble ? logits![last - 1]! : tf.zerosLike(logits![last]!);
      expect(difference(said![last]!, logits![last]!.add(before))).toBeLessThan(1e-5);
      expect(difference(logits![last]!, logits![last - 1]!)).toBeGreaterThan(0.01);
    });
  }
});

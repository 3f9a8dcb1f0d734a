import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../data/fixture.ts";
import { IMAGENETTE_LABELS } from "../data/imagenette.ts";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { exportNetwork } from "../export/export-network.ts";
import { noiseBatches, randomiseNorms } from "../export/untrained.ts";
import { readModelFolder, readWeightsOf } from "../files/model-folder.ts";
import { buildNetwork, findArchitecture, type Network } from "./architectures/index.ts";
import { type StoredWeights, startFrom } from "./start-weights.ts";

const native = findNativeTf();
const SIZE = 64;

describe.skipIf(!native)("weights to begin with (need @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    scratch = await temporaryFolder();
  });
  afterAll(() => scratch.remove());

  const build = (id: string, seed: number, classes = 10): Network =>
    buildNetwork(tf, { ...findArchitecture(id), classes }, seed, SIZE);
  const images = (): Tensor4D => [...noiseBatches(tf, SIZE, 32, 1, 9)][0]!;
  const logits = ({ model }: Network, training: boolean): Tensor[] =>
    [model.apply(images(), { training })].flat() as Tensor[];
  const off = (a: Tensor, b: Tensor): number =>
    a.sub(b).norm().dataSync()[0]! / Math.max(1e-9, b.norm().dataSync()[0]!);

  /** A network with normalisations that do something, and its weights as exported. */
  async function exported(id: string): Promise<{ network: Network; stored: StoredWeights }> {
    const network = build(id, 1);
    randomiseNorms(tf, network, 3);
    const folder = `${scratch.folder}/${id}`;
    await exportNetwork(tf, {
      network,
      labels: IMAGENETTE_LABELS,
      weights: "float32",
      folder,
      calibration: () => noiseBatches(tf, SIZE, 16, 1, 4),
      check: images(),
    });
    return { network, stored: await readWeightsOf(folder, await readModelFolder(folder)) };
  }

  test.each(["resnet-imagenette", "mobilenet-imagenette"])(
    "%s begins with what it had come to: it answers alike, with statistics of the batch too",
    async (id) => {
      const { network, stored } = await exported(id);
      const fresh = build(id, 2);
      expect(off(logits(fresh, false)[0]!, logits(network, false)[0]!)).toBeGreaterThan(0.1);
      const { left } = startFrom(tf, fresh, stored, [images()]);
      expect(left).toEqual([]);
      const expected = logits(network, false);
      for (const training of [false, true]) {
        for (const [exit, answer] of logits(fresh, training).entries()) {
          expect(off(answer, expected[exit]!)).toBeLessThan(2e-3);
        }
      }
    },
  );

  test("with other classes all but the last layers begin so; a model of other layers is refused", async () => {
    const { stored } = await exported("resnet-imagenette");
    const { left, taken } = startFrom(tf, build("resnet-imagenette", 2, 7), stored, [images()]);
    expect(left).toEqual(["exit1/logits", "exit2/logits", "exit3/logits", "exit4/logits"]);
    expect(taken).toContain("stage3/block3/conv2");
    expect(() => startFrom(tf, build("alexnet-cifar10", 2), stored, [])).toThrow(
      /^expected a model with layers of alexnet-cifar10 to begin with, got one with none of the same name and shape/,
    );
  });
});

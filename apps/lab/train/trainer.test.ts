import { readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { IMAGENETTE_LABELS } from "../data/imagenette.ts";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { measureAccuracy } from "./accuracy.ts";
import { findArchitecture } from "./architectures/index.ts";
import type { Recipe } from "./architectures/recipe.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { bestOf, type TrainingResult, train } from "./trainer.ts";
import { modelVariables, writeValues } from "./weights.ts";

const native = findNativeTf();

describe.skipIf(!native)("training (needs @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  const recipe: Recipe = {
    ...findArchitecture("tiny").recipe,
    epochs: 3,
    batch: 10,
    warmupEpochs: 0.5,
    rate: 0.05,
    mixing: 0.5,
    averaging: 0.8,
    phases: [
      { share: 0.4, size: 24, leastCrop: 0.4 },
      { share: 0.6, size: 32, leastCrop: 0.6 },
    ],
  };
  const photos = miniPhotos(60, 32);
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    scratch = await temporaryFolder();
  });
  afterAll(() => scratch.remove());

  /** Trains; stops after so many steps of this call. */
  async function trainFor(
    name: string,
    steps: number,
    changed: Partial<Recipe> = {},
  ): Promise<TrainingResult> {
    const folder = path.join(scratch.folder, name);
    const stop = new AbortController();
    let done = 0;
    return train(tf, {
      architecture: findArchitecture("tiny"),
      recipe: { ...recipe, ...changed },
      labels: IMAGENETTE_LABELS,
      train: photos,
      heldBack: photos,
      folder,
      from: await loadCheckpoint(folder),
      status: {
        update: () => {
          if (++done === steps) stop.abort();
        },
        note: () => {},
      },
      signal: stop.signal,
    });
  }
  const weightsOf = async (name: string): Promise<Float32Array[]> => {
    const checkpoint = await loadCheckpoint(path.join(scratch.folder, name));
    return checkpoint?.tensors.map(({ values }) => values) ?? [];
  };
  const furthest = (a: Float32Array[], b: Float32Array[]): number => {
    expect(a.length).toBe(b.length);
    const each = a.map((values, i) => values.map((value, j) => Math.abs(value - (b[i]?.[j] ?? Number.NaN))));
    return Math.max(...each.flatMap((values) => [...values]));
  };

  test("a run that is stopped and resumed ends as one that is not", async () => {
    const whole = await trainFor("whole", Number.POSITIVE_INFINITY);
    expect(whole.finished).toBe(true);
    for (const steps of [2, 4, 7]) {
      expect((await trainFor("stopped", steps)).finished).toBe(false);
    }
    const resumed = await trainFor("stopped", Number.POSITIVE_INFINITY);
    expect(resumed.finished).toBe(true);
    expect(resumed.history.map(({ accuracy }) => accuracy)).toEqual(
      whole.history.map(({ accuracy }) => accuracy),
    );
    // Threads may add up in another order: bits may differ, no more.
    expect(furthest(await weightsOf("stopped"), await weightsOf("whole"))).toBeLessThan(1e-4);
  });

  test("another seed is another run", async () => {
    await trainFor("seed", Number.POSITIVE_INFINITY, { seed: 2 });
    expect(furthest(await weightsOf("seed"), await weightsOf("whole"))).toBeGreaterThan(0.01);
  });

  test("it learns: the loss falls", async () => {
    const { history } = await trainFor("whole", Number.POSITIVE_INFINITY);
    const [first = Number.NaN, , last = Number.NaN] = history.map(({ loss }) => loss);
    expect(last).toBeLessThan(0.9 * first);
  });

  test("the best model is kept, and TensorBoard's logs are written", async () => {
    const folder = path.join(scratch.folder, "whole");
    const best = await loadCheckpoint(folder, "best");
    const { network } = await trainFor("whole", Number.POSITIVE_INFINITY);
    writeValues(tf, modelVariables(network.model), best?.tensors ?? []);
    const { accuracy } = measureAccuracy(tf, network, photos, 32);
    expect(accuracy).toEqual(best?.history.at(-1)?.accuracy);
    const logs = await readdir(path.join(folder, "tensorboard"), { recursive: true });
    expect(
      logs
        .filter((name) => name.includes("tfevents"))
        .map((name) => path.dirname(name))
        .sort(),
    ).toEqual(["train", "val"]);
  });

  test("of epochs that did alike within a standard error the last is the best", () => {
    const history = [0.7, null, 0.915, 0.9, 0.91, 0.88].map((top, epoch) => {
      return { epoch, loss: 1, accuracy: top === null ? null : [0.5, top] };
    });
    const best = (photos: number) => bestOf(history, { exitWeights: [0, 1] }, photos)?.epoch;
    // 0.013, 0.028 and 0.003.
    expect([473, 100, 10_000].map(best)).toEqual([4, 4, 2]);
    expect(best(50)).toBe(5);
    expect(bestOf(history.slice(1, 2), { exitWeights: [0, 1] }, 473)).toBe(null);
  });

  test("a checkpoint of another run is refused, naming what differs", async () => {
    await expect(trainFor("whole", 1, { batch: 20 })).rejects.toMatchObject({
      code: "bad-argument",
      message: expect.stringContaining("batch"),
    });
  });
});

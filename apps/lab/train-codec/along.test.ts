import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { miniPhotos, temporaryFolder } from "../data/fixture.ts";
import { IMAGENETTE_LABELS } from "../data/imagenette.ts";
import { findNativeTf, type Tf } from "../engine/native.ts";
import { readModelFolder } from "../files/model-folder.ts";
import { buildNetwork, findArchitecture, type Network } from "../train/architectures/index.ts";
import type { Recipe } from "../train/architectures/recipe.ts";
import { loadCheckpoint } from "../train/checkpoint.ts";
import { train } from "../train/trainer.ts";
import { modelVariables, writeValues } from "../train/weights.ts";
import { codecAlong, readNetsAlong } from "./along.ts";

const native = findNativeTf();

describe.skipIf(!native)("a codec that is trained along (needs @tensorflow/tfjs-node)", () => {
  const tf = native as Tf;
  const tiny = findArchitecture("tiny");
  const bytes = 30;
  const recipe: Recipe = {
    ...tiny.recipe,
    epochs: 12,
    batch: 10,
    warmupEpochs: 0.5,
    averaging: 0.5,
    codecBytes: bytes,
  };
  const photos = miniPhotos(60, 32);
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    await tf.setBackend("tensorflow");
    scratch = await temporaryFolder();
  });
  afterAll(() => scratch.remove());

  /** Trains, by so many steps of this call. */
  async function trainFor(name: string, steps: number, changed: Partial<Recipe> = {}) {
    const folder = path.join(scratch.folder, name);
    const stop = new AbortController();
    const notes: string[] = [];
    let done = 0;
    const own = { ...recipe, ...changed };
    const result = await train(tf, {
      architecture: tiny,
      recipe: own,
      labels: IMAGENETTE_LABELS,
      train: photos,
      heldBack: photos,
      folder,
      from: await loadCheckpoint(folder),
      companionOf: (network) => codecAlong(tf, network, tiny.span!, own, bytes),
      status: {
        update: () => (++done === steps ? stop.abort() : undefined),
        note: (text) => notes.push(text),
      },
      signal: stop.signal,
    });
    return { folder, result, notes };
  }

  test("a run that is stopped and resumed ends as one that is not, codec included", async () => {
    const whole = await trainFor("whole", Number.POSITIVE_INFINITY, { epochs: 2 });
    for (const steps of [2, 7]) {
      expect((await trainFor("stopped", steps, { epochs: 2 })).result.finished).toBe(false);
    }
    await trainFor("stopped", Number.POSITIVE_INFINITY, { epochs: 2 });
    const [one, other] = await Promise.all(
      ["whole", "stopped"].map((name) => loadCheckpoint(path.join(scratch.folder, name))),
    );
    expect(one!.tensors.map(({ name }) => name)).toContain("codec/encoder/latent/kernel");
    for (const [at, { name, values }] of one!.tensors.entries()) {
      const others = other!.tensors[at]!.values;
      const most = values.reduce((sum, value, i) => Math.max(sum, Math.abs(value - others[i]!)), 0);
      // Threads may add up in another order: bits may differ, no more.
      expect(most, name).toBeLessThan(1e-4);
    }
    expect(whole.notes.at(-1)).toMatch(/top-1 of the exits .*, by the codec at \d+ bytes /);
  });

  test("half of a batch's photos go by the codec, which learns; the others answer as without it", () => {
    const network = buildNetwork(tf, tiny, 1, 32);
    const companion = codecAlong(tf, network, tiny.span!, recipe, bytes);
    const images = tf.randomUniform([10, 32, 32, 3], -1, 1, "float32", 3);
    const answer = (training: boolean) =>
      [network.model.apply(images, { training })].flat().at(-1) as ReturnType<Tf["tensor"]>;
    const place = { photos, picked: new Uint32Array(10), epoch: 0, step: 0, steps: 30 };
    const plain = answer(false).arraySync() as number[][];
    let mixed: number[][] = [];
    companion.run(place, () => {
      mixed = answer(false).arraySync() as number[][];
    });
    for (const [at, row] of plain.entries()) {
      const off = Math.max(...row.map((value, i) => Math.abs(value - mixed[at]![i]!)));
      if (at < 5) expect(off).toBeGreaterThan(1e-3);
      else expect(off).toBeLessThan(1e-5);
    }
    const errors: number[] = [];
    for (let step = 0; step < 30; step++) {
      const now = { ...place, step };
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => companion.run(now, () => void answer(true)));
        for (const { name, variable } of companion.trained) expect(grads[variable.name], name).toBeDefined();
        errors.push(value.dataSync()[0]!);
        companion.step(grads, now);
      });
    }
    const mean = (of: readonly number[]): number => of.reduce((sum, one) => sum + one, 0) / of.length;
    expect(mean(errors.slice(-6))).toBeLessThan(0.8 * mean(errors.slice(0, 6)));
    images.dispose();
  });

  test("within, the exits behind answer by the codec, and those before as ever", () => {
    const network = buildNetwork(tf, tiny, 1, 32);
    const companion = codecAlong(tf, network, tiny.span!, recipe, bytes);
    const images = tf.randomUniform([4, 32, 32, 3], -1, 1, "float32", 3);
    const answers = (of: Network): number[][] =>
      tf.tidy(() =>
        [of.answers.apply(images)].flat().map((one) => [...(one as ReturnType<Tf["tensor"]>).dataSync()]),
      );
    const plain = answers(network);
    const coded = companion.within(() => answers(network));
    expect(coded.slice(0, 2)).toEqual(plain.slice(0, 2));
    expect(coded[2]).not.toEqual(plain[2]);
    expect(answers(network)).toEqual(plain);
    images.dispose();
  });

  test("its nets are read from what the training wrote, and another's are refused, saying why", async () => {
    const { folder } = await trainFor("read", Number.POSITIVE_INFINITY, { epochs: 1 });
    const model = await readModelFolder("models/tiny");
    const { nets, span, trained } = await readNetsAlong(tf, folder, model, "block2/concat", undefined);
    expect(span).toEqual({ tensor: "block2/concat", replaces: "block3/relu" });
    expect(trained).toBe("along with the model, for as many epochs, 1");
    const network = buildNetwork(tf, tiny, 1, 32);
    const companion = codecAlong(tf, network, tiny.span!, recipe, bytes);
    const best = await loadCheckpoint(folder, "best");
    writeValues(tf, [...modelVariables(network.model), ...companion.trained], best!.tensors);
    for (const [at, { variable }] of nets.variables.entries()) {
      expect([...variable.dataSync()]).toEqual([...companion.trained[at]!.variable.dataSync()]);
    }
    const refused = (place: string, tensor: string, replaces?: string) =>
      expect(readNetsAlong(tf, place, model, tensor, replaces)).rejects;
    await refused(path.join(scratch.folder, "none"), "block2/concat").toMatchObject({ code: "not-found" });
    const came = "got one of block2/concat that gives block3/relu";
    await refused(folder, "stem/conv").toMatchObject({
      code: "bad-argument",
      message: `${folder}: expected a codec of stem/conv, ${came}`,
    });
    await refused(folder, "block2/concat", "block3/add").toMatchObject({
      message: `${folder}: expected a codec of block2/concat that gives block3/add, ${came}`,
    });
  });
});

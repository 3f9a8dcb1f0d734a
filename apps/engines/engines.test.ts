import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { memory } from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { elementCount, type Model, readModel, type Segment, splitPlan, tailOf } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import {
  ENGINE_BACKENDS,
  ENGINE_CHOICES,
  ENGINES,
  engineOf,
  enginesOf,
  type LoadedModel,
  mayUseGpu,
  type OpenedEngine,
  openEngine,
  openFirst,
} from "./index.ts";
import { isInstalled } from "./open.ts";

const TINY = new URL("../../models/tiny/", import.meta.url);
const read = (path: string): Uint8Array => readFileSync(fileURLToPath(new URL(path, TINY)));

/** Largest difference of two probabilities; engines add in different orders. */
const TOLERANCE = 1e-3;
const IMAGES = 3;
const LONG = { timeout: 120_000 };

/** What every engine keeps. One that does not load here is skipped, by name and with the reason. */
describe.each(ENGINES)("engine %s", (name) => {
  const open = async (skip: (why: string) => never): Promise<OpenedEngine> =>
    openEngine(name).catch((thrown: Error) => skip(thrown.message));

  test("says what it is", LONG, async ({ skip }) => {
    const { info, device, deviceName } = await open(skip);
    expect(info).toEqual({ name, backend: engineOf(name).backend, device });
    expect(deviceName).toMatch(/\S/);
    if (device === "gpu") expect(engineOf(name).mayUseGpu).toBe(true);
  });

  test(
    "gives every exit what WASM gives, whole, from head to tail, and in a batch",
    LONG,
    async ({ skip }) => {
      await open(skip);
      const expected = await onEngine("wasm", allExits);
      const found = await onEngine(name, allExits);
      expect(found.size).toBe(expected.size);
      for (const [what, values] of expected) {
        const off = values.map((value, at) => Math.abs(value - found.get(what)![at]!));
        expect(Math.max(...off), what).toBeLessThan(TOLERANCE);
      }
    },
  );

  test("frees what it held", LONG, async ({ skip }) => {
    const { load } = await open(skip);
    const before = memory().numTensors;
    const model = withWeights(load);
    expect(memory().numTensors).toBeGreaterThan(before);
    await model.runValues(tailOf(TINY_MODEL, ["image"], "exit1"), [noise(["image"], IMAGES)[0]!]);
    model.dispose();
    expect(memory().numTensors).toBe(before);
  });

  test("tells weights that are missing or damaged", LONG, async ({ skip }) => {
    const { load } = await open(skip);
    const model = load(TINY_MODEL);
    const [shard] = TINY_MODEL.shards;
    const bytes = read(shard!.path).slice();
    bytes[0]! ^= 1;
    expect(() => model.addShard(shard!, bytes)).toThrow(expect.objectContaining({ code: "bad-weights" }));
    const run = model.runValues(tailOf(TINY_MODEL, ["image"], "exit1"), noise(["image"], 1));
    await expect(run).rejects.toMatchObject({ code: "bad-weights" });
    model.dispose();
  });

  test("is refused with a reason where its package is missing", LONG, async ({ skip }) => {
    if (isInstalled(name)) skip(`${engineOf(name).needs} is installed`);
    const refused = { code: "unavailable", message: expect.stringMatching(`^engine ${name}: .*got: \\S`) };
    await expect(openEngine(name)).rejects.toMatchObject(refused);
    expect(mayUseGpu(name)).toBe(engineOf(name).mayUseGpu);
  });
});

test("auto opens the first that loads", LONG, async () => {
  const { info } = await openEngine("auto");
  for (const better of ENGINES.slice(0, ENGINES.indexOf(info.name))) {
    await expect(openFirst([better], false)).rejects.toMatchObject({ code: "unavailable" });
  }
});

test("names stand once, and every backend has engines", () => {
  expect(ENGINE_CHOICES).toEqual(["auto", ...ENGINES]);
  expect(ENGINE_BACKENDS.flatMap(enginesOf).toSorted()).toEqual([...ENGINES].toSorted());
  expect(ENGINES.at(-1)).toBe("wasm"); // It loads everywhere: whatever comes behind is never tried.
});

const TINY_MODEL: Model = readModel(read("model.json"));

function withWeights(load: OpenedEngine["load"]): LoadedModel {
  const model = load(TINY_MODEL);
  for (const shard of TINY_MODEL.shards) model.addShard(shard, read(shard.path));
  return model;
}

async function onEngine<T>(
  name: (typeof ENGINES)[number],
  run: (model: LoadedModel) => Promise<T>,
): Promise<T> {
  const model = withWeights((await openEngine(name)).load);
  let result = await run(model);
  if (model.opened !== undefined) {
    await model.opened();
    result = await run(model);
  }
  model.dispose();
  return result;
}

/** Every exit from the image, alone and for several images; and by head and tail, at every cut vertex. */
async function allExits(model: LoadedModel): Promise<ReadonlyMap<string, Float32Array>> {
  const found = new Map<string, Float32Array>();
  let cuts = 0;
  for (const { id } of TINY_MODEL.metadata.exits) {
    const whole = tailOf(TINY_MODEL, ["image"], id);
    for (const images of [1, IMAGES]) {
      const [scores] = await model.runValues(whole, noise(["image"], images));
      expect(scores!.shape).toEqual([images, 10]);
      found.set(`${id} of ${images}`, scores!.values);
    }
    for (const { name } of TINY_MODEL.nodes) {
      const split = cutAt(name, id);
      if (split === null) continue;
      cuts++;
      const crossing = await model.runValues(split.head, noise(["image"], IMAGES));
      const [scores] = await model.runValues(split.tail, crossing);
      const off = scores!.values.map((value, at) => Math.abs(value - found.get(`${id} of ${IMAGES}`)![at]!));
      expect(Math.max(...off), `${id} cut at ${name}`).toBeLessThan(1e-5);
    }
  }
  expect(cuts).toBeGreaterThan(5);
  return found;
}

/** @returns null where the tensor alone is no cut */
function cutAt(name: string, exit: string): { readonly head: Segment; readonly tail: Segment } | null {
  try {
    const { nodes } = tailOf(TINY_MODEL, [name], exit);
    const head = tailOf(TINY_MODEL, ["image"], exit).nodes.filter((one) => !nodes.includes(one));
    const split = splitPlan(TINY_MODEL, { exit, head: ["image", ...head] });
    return split.tail === null || head.length === 0 ? null : { head: split.head, tail: split.tail };
  } catch (thrown) {
    if (thrown instanceof EddiError) return null;
    throw thrown;
  }
}

/** Values within the tensors' ranges, always the same. */
function noise(names: readonly string[], images: number): readonly TensorValues[] {
  return names.map((name) => {
    const { shape, range } = TINY_MODEL.metadata.tensors[name]!;
    const [low, high] = range;
    const values = Float32Array.from(
      { length: images * elementCount(shape) },
      (_, at) => low + (high - low) * (0.5 + 0.5 * Math.sin(at * 1.7)),
    );
    return { shape: [images, ...shape], values };
  });
}

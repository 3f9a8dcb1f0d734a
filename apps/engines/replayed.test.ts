import { readFileSync } from "node:fs";
import { backend, getBackend, setBackend } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { toEddiError } from "#shared/errors";
import { allEdge, type Model, readModel, type Segment, splitPlan } from "#shared/model";
import type { TensorValues } from "#shared/runtime";
import { openEngine } from "./index.ts";

const folder = "models/tiny";
const model = readModel(readFileSync(`${folder}/model.json`));
const wholes = model.metadata.exits.map(({ id }) => splitPlan(model, allEdge(model, id)).head);

/** Other tests' backend, which is theirs again afterwards. */
const before = getBackend();
const engine = await openEngine("webgpu", "auto").catch((thrown: unknown) => toEddiError(thrown).message);
const isThere = typeof engine !== "string";
afterAll(async () => {
  if (before) await setBackend(before);
});

test.skipIf(!isThere)(
  "webgpu: tails of every exit and batch are replayed bit for bit, within the bound of bytes",
  async () => {
    const { Replayed } = await import("./replayed.ts");
    const told: string[] = [];
    const open = (maxBytes?: number) => {
      const loaded = new Replayed(model, (message) => told.push(message), maxBytes);
      for (const shard of model.shards) loaded.addShard(shard, readFileSync(`${folder}/${shard.path}`));
      return loaded;
    };
    const run = async (
      loaded: InstanceType<typeof Replayed>,
      segment: Segment,
      batch: number,
      seed: number,
    ) => (await loaded.runValues(segment, [picture(model, batch, seed)])).map(({ values }) => [...values]);

    const loaded = open();
    for (const batch of [1, 2]) {
      for (const segment of wholes) {
        const first = [await run(loaded, segment, batch, 1), await run(loaded, segment, batch, 2)];
        await loaded.opened();
        expect(loaded.bytes).toBeGreaterThan(0);
        expect([await run(loaded, segment, batch, 1), await run(loaded, segment, batch, 2)]).toEqual(first);
      }
    }
    expect(told).toEqual([]);
    expect(loaded.tapes).toBe(2 * wholes.length);
    const { bytes } = loaded;
    const right = await run(loaded, wholes[0]!, 1, 1);
    const { device } = backend() as unknown as { readonly device: { createBuffer(of: object): object } };
    device.createBuffer({ size: 16, usage: 0 });
    await expect.poll(() => loaded.tapes, { message: "after a fault of the device" }).toBe(0);
    expect(await run(loaded, wholes[0]!, 1, 1)).toEqual(right);
    loaded.dispose();
    expect(loaded.bytes).toBe(0);

    const small = open(bytes / 2);
    for (const segment of wholes) {
      for (let time = 0; time < 2; time++) await run(small, segment, 2, time);
      await small.opened();
      expect(small.bytes).toBeLessThanOrEqual(bytes / 2);
    }
    expect(small.tapes).toBeLessThan(wholes.length);
    small.dispose();
  },
);

function picture({ nodes }: Model, batch: number, seed: number): TensorValues {
  const all = [batch, ...nodes[0]!.tensor.shape];
  const count = all.reduce((a, b) => a * b);
  return { shape: all, values: Float32Array.from({ length: count }, (_, at) => Math.sin(at / (7 + seed))) };
}

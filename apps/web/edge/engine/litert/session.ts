import { type LiteRt, Tensor } from "@litertjs/core";
import { EddiError } from "#shared/errors";
import type { TensorValues } from "#shared/runtime";

/** What LiteRT computes on. */
export type Accelerator = "wasm" | "webgpu";

/** A segment that LiteRT has compiled. */
export interface Session {
  /** @param feeds as the segment has them, float32 of one image */
  run(feeds: readonly TensorValues[]): Promise<TensorValues[]>;
  close(): void;
}

/**
 * Compiles a file of TFLite.
 *
 * @throws whatever LiteRT throws; EddiError `unavailable` where it would compute on something else
 */
export async function openSession(
  litert: LiteRt,
  file: Uint8Array,
  accelerator: Accelerator,
): Promise<Session> {
  // Half precision, which GPUs are given otherwise, is no longer what TF.js computes.
  const gpuOptions = { precision: "fp32" } as const;
  const model = await litert.loadAndCompile(file, { accelerator, gpuOptions });
  const isThere = model.options.accelerator === accelerator;
  if (!isThere || (accelerator === "webgpu" && !model.isFullyAccelerated)) {
    model.delete();
    throw new EddiError("unavailable", `expected all of it on ${accelerator}, got a part`);
  }
  return {
    async run(feeds) {
      const inputs = feeds.map(({ values, shape }) => new Tensor(values, [...shape]));
      try {
        return await Promise.all((await model.run(inputs)).map(read));
      } finally {
        for (const input of inputs) input.delete();
      }
    },
    close: () => model.delete(),
  };
}

/** The values are a copy: LiteRT's memory may move. */
async function read(result: Tensor): Promise<TensorValues> {
  const host = result.accelerator === "wasm" ? result : await result.moveTo("wasm");
  try {
    const values = (host.toTypedArray() as Float32Array).slice();
    return { shape: [...host.type.layout.dimensions], values };
  } finally {
    host.delete();
  }
}

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { runInThisContext } from "node:vm";
import { type LiteRt, loadLiteRt, Tensor } from "@litertjs/core";
import type { Segment } from "#shared/model";
import type { TensorValues } from "#shared/runtime";

/** The build for browsers without relaxed SIMD: Node 20 has none. */
const SCRIPT = createRequire(import.meta.url).resolve("@litertjs/core/wasm/litert_wasm_compat_internal.js");

let opened: Promise<LiteRt> | null = null;

/** LiteRT.js, once for all tests of this thread: it is loaded no second time. */
export function openLiteRt(): Promise<LiteRt> {
  opened ??= load();
  return opened;
}

/**
 * LiteRT.js in Node. It looks for a browser's worker, and its script for Node's names of a script: they are there while it
 * loads, and tests that share this thread find none of them later.
 */
async function load(): Promise<LiteRt> {
  const scope = globalThis as unknown as Record<string, unknown>;
  const lent: Record<string, unknown> = {
    self: globalThis,
    require: createRequire(import.meta.url),
    __dirname: dirname(SCRIPT),
    importScripts: (path: string) => runInThisContext(readFileSync(path, "utf8")),
    Module: { print: () => {}, printErr: () => {} },
    GPUBuffer: class {},
  };
  const before = new Map(
    Object.keys(lent).map((name) => [name, Object.getOwnPropertyDescriptor(scope, name)]),
  );
  const warn = console.warn;
  // Of WebGPU, which Node lacks.
  console.warn = () => {};
  try {
    for (const [name, value] of Object.entries(lent)) {
      Object.defineProperty(scope, name, { value, configurable: true, writable: true });
    }
    return await loadLiteRt(SCRIPT);
  } finally {
    console.warn = warn;
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) delete scope[name];
      else Object.defineProperty(scope, name, descriptor);
    }
  }
}

export async function runTflite(
  litert: LiteRt,
  file: Uint8Array,
  { outputs }: Segment,
  feeds: readonly TensorValues[],
): Promise<TensorValues[]> {
  const model = await litert.loadAndCompile(file, { accelerator: "wasm" });
  const inputs = feeds.map(({ values, shape }) => new Tensor(values, [...shape]));
  try {
    const results = await model.run(inputs);
    return outputs.map((_, at) => {
      const result = results[at]!;
      const values = Float32Array.from(result.toTypedArray() as Float32Array);
      const shape = [...result.type.layout.dimensions];
      result.delete();
      return { shape, values };
    });
  } finally {
    for (const input of inputs) input.delete();
    model.delete();
  }
}

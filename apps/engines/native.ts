import { createRequire } from "node:module";
import nodeUtil from "node:util";
import type { Running } from "./engine.ts";
import { processorName, startTfjs } from "./tfjs.ts";

/** TF.js' native addons: TensorFlow's C library, in one of two builds. */
export type NativePackage = "@tensorflow/tfjs-node" | "@tensorflow/tfjs-node-gpu";

/**
 * Loads an addon, which makes it TF.js' backend. What TensorFlow reads from the environment has to stand there before:
 * see `setTensorFlowDefaults`.
 *
 * @returns what its package exports: all of TF.js
 * @throws Error when it is not installed, or installed without its addon: the two look different, and mean the same
 */
export function requireNative(name: NativePackage): object {
  // Every native kernel of TF.js 4.22 calls it; Node 23 removed it.
  const legacy = nodeUtil as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  return createRequire(import.meta.url)(name) as object;
}

/** @throws Error as `requireNative` */
export async function openNative(name: NativePackage): Promise<Running> {
  requireNative(name);
  const started = await startTfjs("tensorflow");
  const { backend } = await import("@tensorflow/tfjs-core");
  const { isUsingGpuDevice } = backend() as { isUsingGpuDevice?: boolean };
  return { device: isUsingGpuDevice === true ? "gpu" : "cpu", deviceName: processorName(), ...started };
}

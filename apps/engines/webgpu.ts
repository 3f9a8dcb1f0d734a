import { createRequire } from "node:module";
import type { Engine, OpenOptions, Running } from "./engine.ts";
import { processorName, startTfjs } from "./tfjs.ts";

/**
 * A browser's WebGPU in Node (Dawn), for GPU hosts with a Vulkan driver and no usable CUDA. Unless it is chosen, an
 * adapter that is software does not count: WASM is faster.
 */
export const webgpu = {
  needs: "webgpu",
  backend: "webgpu",
  isTfjs: true,
  mayUseGpu: true,
  open: openWebGpu,
} as const satisfies Engine;

/** What the npm package `webgpu` brings; it is installed on GPU hosts only. */
interface Dawn {
  create(options: readonly string[]): Gpu;
  readonly globals: object;
}

interface Gpu {
  requestAdapter(): Promise<Adapter | null>;
}

interface Adapter {
  readonly info: { readonly vendor: string; readonly device: string; readonly description: string };
}

/** A second instance in a process, or one that is collected, ends it (webgpu 0.6.2): there is one, for good. */
let instance: Gpu | null = null;

async function openWebGpu({ isChosen }: OpenOptions): Promise<Running> {
  const require = createRequire(import.meta.url);
  const { create, globals } = require("webgpu") as Dawn;
  instance ??= create([]);
  const adapter = await instance.requestAdapter();
  if (adapter === null) throw new Error("no adapter of Vulkan, Metal or D3D12");
  if (!isChosen && isSoftware(adapter)) throw new Error("only an adapter that is software");
  Object.assign(globalThis, globals);
  // Node 20 has no navigator, later ones have one without a GPU.
  const scope = globalThis as { navigator?: object };
  scope.navigator ??= {};
  Object.defineProperty(scope.navigator, "gpu", { value: instance, configurable: true });
  require("@tensorflow/tfjs-backend-webgpu");
  // What ran on the processor could not be replayed.
  const { env } = await import("@tensorflow/tfjs-core");
  env().set("WEBGPU_CPU_FORWARD", false);
  await startTfjs("webgpu");
  const { Replayed } = await import("./replayed.ts");
  const { device, description } = adapter.info;
  return {
    device: isSoftware(adapter) ? "cpu" : "gpu",
    deviceName: device || description || processorName(),
    load: (model, tell = console.warn) => new Replayed(model, tell),
  };
}

function isSoftware({ info }: Adapter): boolean {
  return /swiftshader|llvmpipe|lavapipe|software/i.test(`${info.vendor} ${info.device} ${info.description}`);
}

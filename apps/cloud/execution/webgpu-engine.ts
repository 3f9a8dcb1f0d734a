import { createRequire } from "node:module";
import { setBackend } from "@tensorflow/tfjs-core";
import type { Engine } from "./tail-messages.ts";

/** What the npm package `webgpu` (Dawn) brings; it is installed on GPU hosts only. */
interface Dawn {
  create(options: readonly string[]): { requestAdapter(): Promise<Adapter | null> };
  readonly globals: object;
}

interface Adapter {
  readonly info: { readonly vendor: string; readonly device: string; readonly description: string };
}

/**
 * WebGPU in Node, for GPU hosts with a Vulkan driver and no usable CUDA. Unless it is chosen, an adapter that is
 * software does not count: WASM is faster.
 *
 * @throws Error when the package or an adapter is missing
 */
export async function openWebGpu(isChosen: boolean): Promise<Engine> {
  const require = createRequire(import.meta.url);
  const { create, globals } = require("webgpu") as Dawn;
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  if (adapter === null) throw new Error("no adapter of Vulkan, Metal or D3D12");
  if (!isChosen && isSoftware(adapter)) throw new Error("only an adapter that is software");
  Object.assign(globalThis, globals);
  // Node 20 has no navigator, later ones have one without a GPU.
  const scope = globalThis as { navigator?: object };
  scope.navigator ??= {};
  Object.defineProperty(scope.navigator, "gpu", { value: gpu, configurable: true });
  require("@tensorflow/tfjs-backend-webgpu");
  if (!(await setBackend("webgpu"))) throw new Error("the backend does not start");
  return { name: "webgpu", backend: "webgpu", device: isSoftware(adapter) ? "cpu" : "gpu" };
}

function isSoftware({ info }: Adapter): boolean {
  return /swiftshader|llvmpipe|lavapipe|software/i.test(`${info.vendor} ${info.device} ${info.description}`);
}

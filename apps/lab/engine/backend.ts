import { createRequire } from "node:module";
import os from "node:os";
import { getBackend, ready, setBackend } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { findNativeTf } from "./native.ts";

export const BACKENDS = ["auto", "native", "wasm", "webgpu"] as const;

export type OpenedBackend = Exclude<(typeof BACKENDS)[number], "auto">;

/** Of WebGPU, what is used here. */
interface Gpu {
  requestAdapter(): Promise<{
    readonly info: { readonly device: string; readonly description: string };
  } | null>;
}

/** What the npm package `webgpu` brings. */
interface Dawn {
  create(options: readonly string[]): Gpu;
  readonly globals: object;
}

const require = createRequire(import.meta.url);

/**
 * Makes a TF.js backend the active one of this process.
 *
 * @param wanted `auto` is native where it is installed, else WASM
 * @returns the one that is active
 * @throws EddiError `unavailable` when it does not load, `bad-argument` for another name
 */
export async function openBackend(wanted: string): Promise<OpenedBackend> {
  if (!(BACKENDS as readonly string[]).includes(wanted)) {
    throw new EddiError("bad-argument", `--backend: expected one of ${BACKENDS.join(", ")}, got ${wanted}`);
  }
  if (wanted === "webgpu") return openWebGpu();
  if (wanted !== "wasm") {
    const native = findNativeTf() !== null && (await setBackend("tensorflow"));
    if (native) return "native";
    if (wanted === "native")
      throw new EddiError("unavailable", "expected @tensorflow/tfjs-node, it does not load");
  }
  require("@tensorflow/tfjs-backend-wasm");
  if (!(await setBackend("wasm"))) throw new EddiError("unavailable", `expected wasm, got ${getBackend()}`);
  await ready();
  return "wasm";
}

/** What an opened backend computes on: the GPU's adapter, or the processor. */
export async function deviceOf(backend: OpenedBackend): Promise<string> {
  const processor = os.cpus()[0]?.model ?? os.arch();
  if (backend !== "webgpu") return processor;
  const { navigator } = globalThis as unknown as { readonly navigator: { readonly gpu: Gpu } };
  const adapter = await navigator.gpu.requestAdapter();
  return adapter?.info.device || adapter?.info.description || processor;
}

/** A browser's WebGPU in Node: Dawn, as the npm package `webgpu` brings it. */
async function openWebGpu(): Promise<"webgpu"> {
  try {
    const { create, globals } = require("webgpu") as Dawn;
    Object.assign(globalThis, globals);
    // Node 20 has no navigator, later ones have one without a GPU.
    const scope = globalThis as { navigator?: object };
    scope.navigator ??= {};
    Object.defineProperty(scope.navigator, "gpu", { value: create([]), configurable: true });
    require("@tensorflow/tfjs-backend-webgpu");
    await setBackend("webgpu");
    await ready();
  } catch (thrown) {
    const came = toEddiError(thrown).message.split("\n")[0];
    throw new EddiError("unavailable", `expected the package webgpu and an adapter, got: ${came}`, {
      cause: thrown,
    });
  }
  if (getBackend() !== "webgpu") throw new EddiError("unavailable", `expected webgpu, got ${getBackend()}`);
  return "webgpu";
}

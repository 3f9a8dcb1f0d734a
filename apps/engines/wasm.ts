import { createRequire } from "node:module";
import type { Engine } from "./engine.ts";
import { processorName, startTfjs } from "./tfjs.ts";

/** TF.js on XNNPACK in WebAssembly: loads everywhere. */
export const wasm = {
  needs: "@tensorflow/tfjs-backend-wasm",
  backend: "wasm",
  isTfjs: true,
  mayUseGpu: false,
  open: async () => {
    createRequire(import.meta.url)("@tensorflow/tfjs-backend-wasm");
    return { device: "cpu", deviceName: processorName(), ...(await startTfjs("wasm")) };
  },
} as const satisfies Engine;

import type { Engine } from "./engine.ts";
import { openNative } from "./native.ts";

/** TensorFlow's C library with CUDA. */
export const tfjsNodeGpu = {
  needs: "@tensorflow/tfjs-node-gpu",
  backend: "native",
  isTfjs: true,
  mayUseGpu: true,
  open: () => openNative("@tensorflow/tfjs-node-gpu"),
} as const satisfies Engine;

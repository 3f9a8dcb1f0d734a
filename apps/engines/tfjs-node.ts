import type { Engine } from "./engine.ts";
import { openNative } from "./native.ts";

/** TensorFlow's C library on the processor. */
export const tfjsNode = {
  needs: "@tensorflow/tfjs-node",
  backend: "native",
  isTfjs: true,
  mayUseGpu: false,
  open: () => openNative("@tensorflow/tfjs-node"),
} as const satisfies Engine;

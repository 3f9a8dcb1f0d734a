import type { Engine } from "./engine.ts";
import { onnxruntime } from "./onnxruntime.ts";
import { tfjsNode } from "./tfjs-node.ts";
import { tfjsNodeGpu } from "./tfjs-node-gpu.ts";
import { wasm } from "./wasm.ts";
import { webgpu } from "./webgpu.ts";

/** Every engine there is, the best first: the order in which they are tried. */
const TABLE = {
  "tfjs-node-gpu": tfjsNodeGpu,
  webgpu,
  onnxruntime,
  "tfjs-node": tfjsNode,
  wasm,
} as const satisfies Record<string, Engine>;

export type EngineName = keyof typeof TABLE;
export const ENGINES = Object.keys(TABLE) as readonly EngineName[];

/** As profiles call what engines compute with. */
export type EngineBackend = (typeof TABLE)[EngineName]["backend"];
export const ENGINE_BACKENDS: readonly EngineBackend[] = [
  ...new Set(ENGINES.map((name) => TABLE[name].backend)),
];

/** Those of TF.js. */
export const TFJS_BACKENDS: readonly EngineBackend[] = ENGINE_BACKENDS.filter((backend) =>
  ENGINES.some((name) => TABLE[name].backend === backend && TABLE[name].isTfjs),
);

export function engineOf(name: EngineName): Engine & { readonly backend: EngineBackend } {
  return TABLE[name];
}

/** @returns its engines, the best first */
export function enginesOf(backend: EngineBackend): readonly EngineName[] {
  return ENGINES.filter((name) => TABLE[name].backend === backend);
}

import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import plain from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url&no-inline";
import simd from "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url&no-inline";
import { env } from "@tensorflow/tfjs-core";
import { receive } from "../../../service/receive.ts";
import type { Traffic } from "../../../service/traffic.ts";

/** Single-threaded: the threaded build breaks when minified, and needs a cross-origin isolated page. */
export async function prepare(traffic: Traffic): Promise<void> {
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  setWasmPaths({
    "tfjs-backend-wasm.wasm": plain,
    "tfjs-backend-wasm-simd.wasm": simd,
    "tfjs-backend-wasm-threaded-simd.wasm": simd, // Must be named; never used.
  });
  fetched ??= fetchEngine(traffic);
  await fetched;
}

let fetched: Promise<void> | null = null;

/** TF.js finds it in the browser's cache then: on a slow link it would be taken for a backend that hangs. */
async function fetchEngine(traffic: Traffic): Promise<void> {
  const hasSimd = await env().getAsync("WASM_HAS_SIMD_SUPPORT");
  try {
    await receive(hasSimd ? simd : plain, { traffic, fetch: (url, init) => fetch(url, init) });
  } catch {
    fetched = null; // One that has started before needs no network; what it needs TF.js will say.
  }
}

import { createRequire } from "node:module";
import { getBackend, ready, setBackend } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import { findNativeTf } from "./train/native.ts";

export const BACKENDS = ["auto", "native", "wasm"] as const;

/**
 * Makes a TF.js backend the active one of this process.
 *
 * @param wanted `auto` is native where it is installed, else WASM
 * @returns the one that is active
 * @throws EddiError `unavailable` when it does not load, `bad-argument` for another name
 */
export async function openBackend(wanted: string): Promise<"native" | "wasm"> {
  if (!(BACKENDS as readonly string[]).includes(wanted)) {
    throw new EddiError("bad-argument", `--backend: expected one of ${BACKENDS.join(", ")}, got ${wanted}`);
  }
  if (wanted !== "wasm") {
    const native = findNativeTf() !== null && (await setBackend("tensorflow"));
    if (native) return "native";
    if (wanted === "native")
      throw new EddiError("unavailable", "expected @tensorflow/tfjs-node, it does not load");
  }
  createRequire(import.meta.url)("@tensorflow/tfjs-backend-wasm");
  if (!(await setBackend("wasm"))) throw new EddiError("unavailable", `expected wasm, got ${getBackend()}`);
  await ready();
  return "wasm";
}

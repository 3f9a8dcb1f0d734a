import { createRequire } from "node:module";
import nodeUtil from "node:util";
import { backend, ready, setBackend } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import type { EngineChoice } from "../config.ts";
import type { Engine } from "./tail-messages.ts";

/** TensorFlow's Node packages, the best first: they differ in the library that they bring. */
const NATIVE_PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];

/**
 * Makes the best TF.js backend there is the active one of this thread.
 *
 * @throws EddiError `unavailable` when the chosen one is not installed
 */
export async function openEngine(choice: EngineChoice): Promise<Engine> {
  const require = createRequire(import.meta.url);
  const failure = choice === "wasm" ? "" : requireNative(require);
  if (failure === null) {
    await ready();
    const { isUsingGpuDevice } = backend() as { isUsingGpuDevice?: boolean };
    return { name: "native", device: isUsingGpuDevice === true ? "gpu" : "cpu" };
  }
  if (choice === "native") {
    throw new EddiError("unavailable", `engine native: expected @tensorflow/tfjs-node, got: ${failure}`);
  }
  require("@tensorflow/tfjs-backend-wasm");
  if (!(await setBackend("wasm"))) throw new EddiError("unavailable", "engine wasm: expected it to start");
  return { name: "wasm", device: "cpu" };
}

/** @returns why there is none, or null when it is loaded */
function requireNative(require: NodeJS.Require): string | null {
  // Every native kernel of TF.js 4.22 calls it; Node 23 removed it.
  const legacy = nodeUtil as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  let failure = "";
  for (const name of NATIVE_PACKAGES) {
    try {
      require(name);
      return null;
    } catch (thrown) {
      // Not installed, or installed without its addon: the two look different, and mean the same.
      failure = (thrown as Error).message.split("\n")[0] ?? "";
    }
  }
  return failure;
}

import { createRequire } from "node:module";
import nodeUtil from "node:util";
import { backend, ready, setBackend } from "@tensorflow/tfjs-core";
import { EddiError } from "#shared/errors";
import type { EngineChoice } from "../config.ts";
import type { Engine } from "./tail-messages.ts";
import { openWebGpu } from "./webgpu-engine.ts";

const require = createRequire(import.meta.url);

/** How each engine is opened, the best first; what it cannot do here it throws. */
const OPEN: Readonly<Record<Engine["name"], (isChosen: boolean) => Promise<Engine>>> = {
  "tfjs-node-gpu": () => openNative("tfjs-node-gpu"),
  webgpu: openWebGpu,
  "tfjs-node": () => openNative("tfjs-node"),
  wasm: openWasm,
};

/**
 * Makes a TF.js backend the active one of this thread: the chosen one, or the best that loads.
 *
 * @throws EddiError `unavailable`, saying what is missing
 */
export async function openEngine(choice: EngineChoice): Promise<Engine> {
  if (choice !== "auto") {
    return OPEN[choice](true).catch((cause) => {
      throw new EddiError("unavailable", `engine ${choice}: ${reasonOf(cause)}`, { cause });
    });
  }
  const reasons: string[] = [];
  for (const [name, open] of Object.entries(OPEN)) {
    try {
      return await open(false);
    } catch (thrown) {
      reasons.push(`${name}: ${reasonOf(thrown)}`);
    }
  }
  throw new EddiError("unavailable", `expected an engine that loads, got ${reasons.join("; ")}`);
}

async function openNative(name: "tfjs-node" | "tfjs-node-gpu"): Promise<Engine> {
  // Every native kernel of TF.js 4.22 calls it; Node 23 removed it.
  const legacy = nodeUtil as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // Not installed, or installed without its addon: the two look different, and mean the same.
  require(`@tensorflow/${name}`);
  await ready();
  const { isUsingGpuDevice } = backend() as { isUsingGpuDevice?: boolean };
  return { name, backend: "native", device: isUsingGpuDevice === true ? "gpu" : "cpu" };
}

async function openWasm(): Promise<Engine> {
  require("@tensorflow/tfjs-backend-wasm");
  if (!(await setBackend("wasm"))) throw new Error("expected it to start");
  return { name: "wasm", backend: "wasm", device: "cpu" };
}

function reasonOf(thrown: unknown): string {
  return `expected it to load, got: ${(thrown as Error).message.split("\n")[0]}`;
}

import { ready, removeBackend, setBackend } from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { selfTest } from "#shared/runtime";
import type { Backend, EdgeSettings, Trial } from "./conversation.ts";
import { within } from "./within.ts";

/** A backend that does not come up or answer in this time is taken for broken. */
const TRIAL_TIMEOUT_MS = 30_000;
/** Its scripts may be long on their way; the browser does not tell how far they are. */
const LOAD_TIMEOUT_MS = 300_000;

/** Each its own chunk: a phone loads only what it tries. */
const PREPARE: Record<Backend, () => Promise<{ prepare(): Promise<void> }>> = {
  webgpu: () => import("./backends/webgpu.ts"),
  wasm: () => import("./backends/wasm.ts"),
  webgl: () => import("./backends/webgl.ts"),
};

export interface Chosen {
  readonly backend: Backend | null;
  readonly medianMs: number | null;
  readonly tried: readonly Trial[];
}

/**
 * Makes the best TF.js backend of this device the active one.
 *
 * A backend is used when it computes the reference net's golden values. Of WebGPU and WASM the faster one is
 * taken, by the reference net's time; WebGL only when neither works. A forced backend is taken without
 * comparison when it works.
 */
export async function chooseBackend({ backend: forced, avoid }: EdgeSettings): Promise<Chosen> {
  const tried: Trial[] = [];
  const rounds: readonly (readonly Backend[])[] = [
    ...(forced === null ? [] : [[forced]]),
    ["webgpu", "wasm"],
    ["webgl"],
  ];
  for (const round of rounds) {
    for (const backend of round) {
      if (tried.some((trial) => trial.backend === backend)) continue;
      tried.push(
        avoid.includes(backend)
          ? skipped(backend, "lost before")
          : await tryBackend(backend, backend === forced),
      );
    }
    const passed = tried.filter((trial) => trial.outcome === "passed");
    const best = passed.sort((a, b) => a.medianMs! - b.medianMs!)[0];
    if (best === undefined) continue;
    for (const { backend } of passed) if (backend !== best.backend) removeBackend(backend);
    await setBackend(best.backend);
    await ready();
    const report = tried.map((trial): Trial => (trial === best ? { ...trial, outcome: "chosen" } : trial));
    return { backend: best.backend, medianMs: best.medianMs, tried: report };
  }
  return { backend: null, medianMs: null, tried };
}

async function tryBackend(backend: Backend, forced: boolean): Promise<Trial> {
  try {
    const reason = backend === "webgpu" ? await avoidWebgpu(forced) : null;
    if (reason !== null) return skipped(backend, reason);
    await within(LOAD_TIMEOUT_MS, backend, load(backend));
    const { ok, maxError, medianMs } = await within(TRIAL_TIMEOUT_MS, backend, trial(backend));
    const detail = `largest error ${maxError.toExponential(1)}`;
    return { backend, outcome: ok ? "passed" : "failed", medianMs, detail };
  } catch (thrown) {
    return { backend, outcome: "failed", medianMs: null, detail: toEddiError(thrown).message };
  }
}

async function load(backend: Backend): Promise<void> {
  const { prepare } = await PREPARE[backend]();
  await prepare();
}

async function trial(backend: Backend): ReturnType<typeof selfTest> {
  if (!(await setBackend(backend))) throw new EddiError("unavailable", "TF.js could not start it");
  await ready();
  return selfTest(() => performance.now());
}

/** Why WebGPU is not worth a trial; TF.js itself throws where there is no adapter. */
async function avoidWebgpu(forced: boolean): Promise<string | null> {
  if (navigator.gpu === undefined) return "this browser has no WebGPU here";
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) return "no GPU adapter";
  // PowerVR drivers miscompile compute shaders (PlayCanvas #8874).
  if (adapter.info.vendor === "img-tec") return "PowerVR GPUs compute wrongly";
  // `isFallbackAdapter` moved from the adapter to its info.
  const info = adapter.info as GPUAdapterInfo & { readonly isFallbackAdapter?: boolean };
  if (info.isFallbackAdapter && !forced) return "the adapter is software: WASM is faster";
  return null;
}

function skipped(backend: Backend, detail: string): Trial {
  return { backend, outcome: "skipped", medianMs: null, detail };
}

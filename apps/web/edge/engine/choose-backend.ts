import {
  findBackendFactory,
  getBackend,
  ready,
  registerBackend,
  removeBackend,
  setBackend,
} from "@tensorflow/tfjs-core";
import { EddiError, toEddiError } from "#shared/errors";
import { selfTest } from "#shared/runtime";
import type { Traffic } from "../../service/traffic.ts";
import type { Backend, EdgeSettings, Trial } from "../../talk/edge.ts";
import { within } from "../../talk/within.ts";

/** A backend that does not come up or answer in this time is taken for broken. */
const TRIAL_TIMEOUT_MS = 30_000;
/** Its scripts may be long on their way; the browser does not tell how far they are. */
const LOAD_TIMEOUT_MS = 300_000;

/** Each its own chunk: a phone loads only what it tries. */
const PREPARE: Record<Backend, () => Promise<{ prepare(traffic: Traffic): Promise<void> }>> = {
  webgpu: () => import("./backends/webgpu.ts"),
  wasm: () => import("./backends/wasm.ts"),
  webgl: () => import("./backends/webgl.ts"),
};

export interface BackendWishes extends Pick<EdgeSettings, "backend" | "avoid"> {
  /** Of the link that scripts come over. */
  readonly traffic: Traffic;
}

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
 * comparison when it works. WASM that works stays at hand, others that are not taken are ended.
 */
export async function chooseBackend({ backend: forced, avoid, traffic }: BackendWishes): Promise<Chosen> {
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
          : await tryBackend(backend, backend === forced, traffic),
      );
    }
    const passed = tried.filter((trial) => trial.outcome === "passed");
    const best = passed.sort((a, b) => a.medianMs! - b.medianMs!)[0];
    if (best === undefined) continue;
    const isOver = (backend: Backend): boolean => backend !== best.backend && backend !== RESERVE;
    for (const { backend } of passed) if (isOver(backend)) endBackend(backend);
    await setBackend(best.backend);
    await ready();
    const report = tried.map((trial): Trial => (trial === best ? { ...trial, outcome: "chosen" } : trial));
    return { backend: best.backend, medianMs: best.medianMs, tried: report };
  }
  return { backend: null, medianMs: null, tried };
}

/** What takes over from a lost device: it has none, and works in every browser. */
const RESERVE = "wasm";

/**
 * Starts the reserve beside the backend in use, so that it needs no network when it is needed. Where it was tried it
 * is there.
 */
export async function keepReserve({ tried }: Pick<Chosen, "tried">, traffic: Traffic): Promise<void> {
  if (tried.some(({ backend, outcome }) => backend === RESERVE && outcome !== "skipped")) return;
  const { prepare } = await PREPARE[RESERVE]();
  await prepare(traffic);
  // TF.js starts a backend only to use it at once. So it gets one that has started.
  const started = await findBackendFactory(RESERVE)();
  // It was needed meanwhile.
  if (getBackend() === RESERVE) return;
  removeBackend(RESERVE);
  registerBackend(RESERVE, () => started);
}

/** Ends a backend, with all that it holds; it can be started again. The device of one that was lost may refuse. */
export function endBackend(backend: Backend): void {
  const start = findBackendFactory(backend);
  try {
    removeBackend(backend);
    registerBackend(backend, start);
  } catch (thrown) {
    console.warn(`${backend}, ending: ${toEddiError(thrown).message}`);
  }
}

async function tryBackend(backend: Backend, forced: boolean, traffic: Traffic): Promise<Trial> {
  try {
    const reason = backend === "webgpu" ? await avoidWebgpu(forced) : null;
    if (reason !== null) return skipped(backend, reason);
    await within(LOAD_TIMEOUT_MS, backend, load(backend, traffic));
    const { ok, maxError, medianMs } = await within(TRIAL_TIMEOUT_MS, backend, trial(backend));
    const detail = `largest error ${maxError.toExponential(1)}`;
    return { backend, outcome: ok ? "passed" : "failed", medianMs, detail };
  } catch (thrown) {
    return { backend, outcome: "failed", medianMs: null, detail: toEddiError(thrown).message };
  }
}

async function load(backend: Backend, traffic: Traffic): Promise<void> {
  const { prepare } = await PREPARE[backend]();
  await prepare(traffic);
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

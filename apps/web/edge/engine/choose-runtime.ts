import { toEddiError } from "#shared/errors";
import type { Backend, EdgeRuntime, RuntimeWish } from "../../talk/edge.ts";

/** LiteRT takes at most this share of TF.js' time, or TF.js stays. */
const FAST_ENOUGH = 0.85;
/** So many images are answered before anything of LiteRT is fetched: whoever takes one photo only needs none of it. */
const FIRST_ANSWERS = 3;

/** Where choices are kept from one visit to the next: as `ProfileCache` of the profiler. */
export interface ChoiceCache {
  read(key: string): Promise<unknown>;
  write(key: string, value: unknown): Promise<void>;
}

/** What is known of a device, a model and a backend. */
export interface RuntimeSubject {
  readonly adapter: string;
  readonly backend: Backend;
  readonly model: string;
  readonly version: string;
}

export interface RuntimeChoiceOptions {
  readonly wish: RuntimeWish;
  readonly cache: ChoiceCache;
  /** Fetches LiteRT. */
  readonly load: () => Promise<void>;
  /** Milliseconds of a run on TF.js and on LiteRT, once it is found to compute as TF.js does. */
  readonly measure: (runtime: LiteRtName) => Promise<Measured>;
  /** Told what was found not to work, and why. */
  readonly onFailed: (message: string) => void;
}

export type LiteRtName = Exclude<EdgeRuntime, "tfjs">;
export interface Measured {
  readonly tfjsMs: number;
  readonly litertMs: number;
}

/** Whether anything may be fetched for it by now. */
export function isTimeFor(wish: RuntimeWish, answers: number, savesData: boolean): boolean {
  if (wish === "tfjs" || savesData) return false;
  return wish === "litert" || answers >= FIRST_ANSWERS;
}

/**
 * Chooses what runs heads: TF.js, or LiteRT on WASM or WebGPU where that is measured to be faster on this device. What was
 * chosen is kept for the next visit, which measures nothing, and where TF.js was fetches nothing either.
 *
 * @returns what runs heads from now on
 */
export async function chooseRuntime(
  subject: RuntimeSubject,
  { wish, cache, load, measure, onFailed }: RuntimeChoiceOptions,
): Promise<EdgeRuntime> {
  const kept = wish === "auto" ? await cache.read(keyOf(subject)) : null;
  if (kept === "tfjs") return kept;
  try {
    await load();
  } catch (thrown) {
    // It may be the link's fault: the next visit tries again.
    onFailed(toEddiError(thrown).message);
    return "tfjs";
  }
  const all = candidates(subject.backend);
  const before = all.filter((one) => one === kept);
  let best: EdgeRuntime = "tfjs";
  let bestMs = Number.POSITIVE_INFINITY;
  for (const runtime of before.length > 0 ? before : all) {
    try {
      const { tfjsMs, litertMs } = await measure(runtime);
      const isFast = litertMs <= FAST_ENOUGH * tfjsMs || wish === "litert" || runtime === kept;
      if (!isFast || litertMs >= bestMs) continue;
      best = runtime;
      bestMs = litertMs;
    } catch (thrown) {
      onFailed(`${runtime}: ${toEddiError(thrown).message}`);
    }
  }
  // What was forced says nothing of what is faster.
  if (wish === "auto") await cache.write(keyOf(subject), best);
  return best;
}

/** LiteRT has failed here: the next visit is spared it. */
export async function forgetRuntime(subject: RuntimeSubject, cache: ChoiceCache): Promise<void> {
  await cache.write(keyOf(subject), "tfjs" satisfies EdgeRuntime);
}

/** As a profile, a choice is of one device, model and backend. */
function keyOf({ adapter, backend, model, version }: RuntimeSubject): string {
  return JSON.stringify(["runtime", model, version, backend, adapter]);
}

/** Where TF.js has a GPU, LiteRT may have it too. */
function candidates(backend: Backend): readonly LiteRtName[] {
  return backend === "webgpu" ? ["litert-webgpu", "litert-wasm"] : ["litert-wasm"];
}

import { arrivedBytes, profiling, shards } from "../control/store.ts";
import { formatBytes } from "../words/format.ts";

/** Weights that arrive; nothing once all that is wanted is there. */
export function WeightsProgress() {
  const loading = shards.value.filter(({ state }) => state === "loading");
  if (loading.length === 0) return null;
  const coming = loading.reduce((sum, { bytes, arrivedBytes: there }) => sum + bytes - there, 0);
  const all = arrivedBytes.value + coming;
  return (
    <div class="wait">
      <span>{`The model is coming to your phone: ${formatBytes(arrivedBytes.value)} of ${formatBytes(all)}. What is here helps already.`}</span>
      <progress aria-label="Weights" value={arrivedBytes.value} max={Math.max(all, 1)} />
    </div>
  );
}

/** This device while it measures itself. */
export function ProfilingProgress() {
  const { state, share } = profiling.value;
  if (state !== "measuring") return null;
  return (
    <div class="wait">
      <span>{`Measuring this phone: ${Math.round(100 * share)}\u00a0%`}</span>
      <progress aria-label="Profiling" value={share} max={1} />
    </div>
  );
}

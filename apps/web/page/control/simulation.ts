import { computed, signal } from "@preact/signals";
import type { Conditions } from "#shared/model";
import type { Imagined } from "../../client/index.ts";
import type { Simulated } from "../words/imagined-words.ts";
import { summary } from "./store.ts";

/** Where the sliders were put; null: nowhere yet, so that they show what is. */
const chosen = signal<Simulated | null>(null);
/** What would be planned where the sliders are; null until that is known. */
export const imagined = signal<Imagined | null>(null);

/** What the sliders show; null before anything is known of the connection. */
export const simulated = computed<Simulated | null>(() => {
  const conditions = summary.value?.conditions;
  if (conditions === undefined) return null;
  const { uplinkBps, rttMs, queueMs } = conditions;
  return chosen.value ?? { uplinkBps, rttMs, queueMs, slower: 1 };
});

export const isSimulated = computed(() => chosen.value !== null);

/** Moves sliders. */
export function simulate(change: Partial<Simulated>): void {
  if (simulated.value !== null) chosen.value = { ...simulated.value, ...change };
}

export function simulateNothing(): void {
  chosen.value = null;
}

/** As the planner knows them. */
export function conditionsOf({ slower, ...others }: Simulated, now: Conditions): Partial<Conditions> {
  return { ...others, edgeScale: now.edgeScale * slower };
}

import { computed, signal } from "@preact/signals";
import type { Conditions, Imagined, SimulatedConditions } from "../../client/index.ts";
import type { Simulated } from "../words/imagined-words.ts";
import { summary } from "./store.ts";

/** Where sliders were put; the others show what is. Null: none was moved yet. */
const chosen = signal<Partial<Simulated> | null>(null);
/** What would be planned where the sliders are; null until that is known. */
export const imagined = signal<Imagined | null>(null);
/** What photos really wait for; null: nothing. */
export const tried = signal<SimulatedConditions | null>(null);
/** What was known before anything was tried: what is learnt meanwhile bears its marks. */
const before = signal<Conditions | null>(null);

/** As it really is: while something is tried, as it was before. */
export const present = computed<Conditions | null>(() => before.value ?? summary.value?.conditions ?? null);

/** What the sliders show; null before anything is known of the connection. */
export const simulated = computed<Simulated | null>(() => {
  if (present.value === null) return null;
  if (tried.value !== null) return { ...simulatedOf(tried.value), ...chosen.value };
  const { uplinkBps, rttMs, queueMs } = present.value;
  return { uplinkBps, rttMs, queueMs, slower: 1, ...chosen.value };
});

export const isSimulated = computed(() => chosen.value !== null);

/** The client has something tried, or nothing any more. */
export function followTried(conditions: SimulatedConditions | null): void {
  if (conditions === null) before.value = null;
  else before.value ??= summary.value?.conditions ?? null;
  tried.value = conditions;
}

/** Moves sliders. */
export function simulate(change: Partial<Simulated>): void {
  if (simulated.value !== null) chosen.value = { ...chosen.value, ...change };
}

export function simulateNothing(): void {
  chosen.value = null;
}

/** As the planner knows them. */
export function conditionsOf({ slower, ...others }: Simulated, now: Conditions): Partial<Conditions> {
  return { ...others, edgeScale: now.edgeScale * slower };
}

/**
 * As photos can be made to wait for them: a phone cannot be made faster, and how long requests happen to wait in the cloud
 * is none that they were put to.
 */
export function tryable({ slower, ...others }: Simulated): SimulatedConditions {
  const queueMs = chosen.value?.queueMs ?? tried.value?.queueMs ?? 0;
  return { ...others, queueMs, slowdown: Math.max(1, slower) };
}

export function simulatedOf({ slowdown, ...others }: SimulatedConditions): Simulated {
  return { ...others, slower: slowdown };
}

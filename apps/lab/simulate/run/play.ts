import { EddiError } from "#shared/errors";
import type { Summary } from "../results/summary.ts";
import type { Outcome } from "../session/outcome.ts";
import type { Pilot } from "../session/pilot.ts";

/** Lets a policy answer; tells how far it is. */
export type Play = (pilot: Pilot, onProgress: (done: string) => void) => Played;

export interface Played {
  readonly summary: Summary;
  /** Of every photo. */
  readonly outcomes: readonly Outcome[];
}

/** What the command line says of worlds and wishes, as it was typed. */
export interface Wishes {
  readonly uplink?: string | undefined;
  readonly downlink?: string | undefined;
  readonly format?: string | undefined;
  readonly start?: string | undefined;
  readonly rtt?: string | undefined;
  readonly slowdown?: string | undefined;
  readonly load?: string | undefined;
  readonly without?: string | undefined;
  readonly draws?: number | undefined;
  readonly traces?: string | undefined;
  readonly budget?: string | undefined;
  readonly minAccuracy?: string | undefined;
  readonly fps?: string | undefined;
  readonly answers?: number | undefined;
  readonly every?: string | undefined;
  readonly replicas?: number | undefined;
  readonly duration?: string | undefined;
  readonly scaling?: string | undefined;
  readonly failure?: string | undefined;
}

/** Options of a fleet alone. */
export const OF_FLEET = ["replicas", "duration", "scaling", "failure"] as const;

/** @throws EddiError `bad-argument` for one of these options that is given where it means nothing */
export function refuseGiven(wishes: Wishes, names: readonly (keyof Wishes)[], where: string): void {
  const name = names.find((one) => wishes[one] !== undefined);
  if (name !== undefined) throw new EddiError("bad-argument", `expected --${name} only ${where}`);
}

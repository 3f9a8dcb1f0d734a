import type { Simulation, TrueLink } from "./fixture.ts";
import { Link, type LinkEstimate } from "./link.ts";
import { FIRST_GUESS } from "./network.ts";

/** Seeds per figure: enough for a regression to show, few enough to be quick; LINK_SEEDS=500 for a report. */
export const SEEDS = Number(process.env.LINK_SEEDS ?? 60);

export const QUIET: TrueLink = { rttMs: 40, uplinkBps: 10e6, noise: 0.1, outliers: 0.05, restarts: false };

/** RTT 5 to 300 ms, uplink 0.1 to 100 Mbit/s. */
export function anyLink(simulation: Simulation): TrueLink {
  return { ...QUIET, rttMs: simulation.between(5, 300), uplinkBps: simulation.between(0.1e6, 100e6) };
}

/** Requests that all come after more than a second of silence. */
export function paused(simulation: Simulation, truth: TrueLink, count: number): Simulation {
  for (let sample = 0; sample < count; sample++) {
    simulation.next(truth, undefined, simulation.between(1010, 4000));
  }
  return simulation;
}

export function replay({ samples }: Simulation): Link {
  const link = Link.start(FIRST_GUESS);
  for (const sample of samples) link.observe(sample);
  return link;
}

export function errorsOf(
  known: Pick<LinkEstimate, "rttMs" | "uplinkBps">,
  truth: TrueLink,
): readonly [number, number] {
  return [relativeError(known.rttMs, truth.rttMs), relativeError(known.uplinkBps, truth.uplinkBps)];
}

export const relativeError = (value: number, truth: number): number => Math.abs(value / truth - 1);

const figures: { readonly name: string; readonly value: number; readonly samples: number }[] = [];

/** How often something was so. */
export class Share {
  private hits = 0;
  samples = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    figures.push(this);
  }

  count(hit: boolean): void {
    this.samples++;
    if (hit) this.hits++;
  }

  get value(): number {
    return this.hits / this.samples;
  }
}

/** Root of the mean square, of what is below 1: a far mode counts as that. */
export class Rms {
  private squares = 0;
  samples = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    figures.push(this);
  }

  add(value: number): number {
    this.samples++;
    this.squares += Math.min(value, 1) ** 2;
    return value;
  }

  get value(): number {
    return Math.sqrt(this.squares / this.samples);
  }
}

/** LINK_FIGURES=1 prints them. */
export function printFigures(): void {
  const rows = figures.map(({ name, value, samples }) => `${value.toFixed(3)}  of ${samples}  ${name}`);
  if (process.env.LINK_FIGURES !== undefined) console.info(rows.join("\n"));
}

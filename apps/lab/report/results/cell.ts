import type { Objective } from "#shared/optimizer";
import type { Feature } from "../../simulate/set-up/settings.ts";

/** What is looked at: each has its section in the report. */
export type Study =
  | "budgets"
  | "uplinks"
  | "capacity"
  | "load"
  | "ablations"
  | "hardships"
  | "population"
  | "splitting"
  | "sensitivity";

/** A world in which some policies answer the same photos. Plain data: it goes to other processes. */
export interface Cell {
  readonly study: Study;
  /** Id of a model. */
  readonly model: string;
  /** So many times the work of that model. */
  readonly workScale: number;
  readonly world: CellWorld;
  readonly policies: readonly string[];
  readonly seed: number;
  /** What tells it from others of its study, for tables and files, such as `{slowdown: 4, trace: "nyu-mets-lte/7Train1.csv"}`. */
  readonly at: Readonly<Record<string, string | number>>;
  /** What it counts among others of its study. */
  readonly weight: number;
}

export type CellWorld =
  | {
      readonly kind: "given";
      /** A trace's file, or bits per second. */
      readonly uplink: { readonly file: string; readonly startMs: number } | number;
      readonly rttMs: number;
      readonly slowdown: number;
      /** How many times as slow as its profile the service is. */
      readonly cloudScale: number;
      /** What others take: a share of the service's time, or so many clients that each ask for a photo a second. */
      readonly load: number | { readonly clients: number };
      /** What the world is spared. */
      readonly without: readonly Feature[];
      readonly objective: Objective;
      readonly framesPerSecond: number | null;
      readonly answers: number;
      readonly everyMs: number;
    }
  /** A fixed stratum of the population, by its place; under another assumption, by its name. */
  | {
      readonly kind: "stratum";
      readonly place: number;
      readonly most: number;
      readonly assumption: string | null;
      /** What is asked for: the best answer within the user's budget, or the fastest above the user's accuracy floor. */
      readonly wish: Wish;
    };

/** What stays the same in many cells. */
export type UsualWorld = Omit<Extract<CellWorld, { kind: "given" }>, "objective" | "answers">;

export type Wish = "budget" | "floor";

/** What a policy came to in a cell: sums over its answers, so that cells can be added up. */
export interface Tally {
  readonly answers: number;
  readonly inTime: number;
  readonly right: number;
  readonly rightInTime: number;
  readonly twice: number;
  readonly inner: number;
  /** Answers whose p95 was foretold, and those of them that took longer. */
  readonly foretold: number;
  readonly exceeded: number;
  readonly edgeMs: number;
  readonly sentBytes: number;
  /** Frames a second; null for photos. */
  readonly fps: number | null;
  /** Of answers that were not dropped, in whole microseconds. */
  readonly times: readonly number[];
}

export interface CellResult {
  readonly cell: Cell;
  /** By policy. */
  readonly tallies: Readonly<Record<string, Tally>>;
}

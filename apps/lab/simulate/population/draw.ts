import type { Quantiles } from "../chance/quantiles.ts";
import type { Bursts, ModeId } from "./population.ts";

/** One user's conditions: what is drawn once, and the distributions of what goes on changing. */
export interface Draw {
  /** The draw's number, or the stratum's id. */
  readonly id: string;
  /** All of a sample sum to 1. */
  readonly weight: number;
  /** Of the stream that think times, wake-ups, RTT factors and other clients come from. */
  readonly streamSeed: number;
  readonly link: DrawnLink;
  readonly edge: DrawnEdge;
  readonly cloud: DrawnCloud;
  readonly use: DrawnUse;
}

export interface DrawnLink {
  readonly radio: string;
  /** Means over time. */
  readonly uplinkBps: number;
  readonly downlinkBps: number;
  /** Median over time, to the cloud's place. */
  readonly rttMs: number;
  readonly rttFactor: Quantiles;
  /** From the shared data's folder; both directions play it from the same start. Null: a constant with noise. */
  readonly trace: string | null;
  readonly traceStartMs: number;
  /** A request after so long without traffic pays one of `wakeMs`. */
  readonly idleAfterMs: number;
  readonly wakeMs: Quantiles;
  /** An answer later than `afterMs` after the last packet sent waits a uniform part of the cycle; null: does not. */
  readonly drx: { readonly cycleMs: number; readonly afterMs: number } | null;
}

export interface DrawnEdge {
  readonly device: string;
  readonly wasm: DrawnBackend;
  readonly webgpu: DrawnWebgpu;
  /** Of rest, after which it is as fast as before. */
  readonly coolDownMs: number;
  readonly photoDecodeMs: number;
}

export interface DrawnBackend {
  readonly msPer100Mmac: number;
  /** How many times slower it is when hot, 1 or above. */
  readonly slowdown: number;
  /** Of unbroken work, after which it is hot. */
  readonly onsetMs: number;
}

export interface DrawnWebgpu extends DrawnBackend {
  readonly isUsable: boolean;
  readonly msPerOperation: number;
  readonly readbackMs: number;
  readonly firstRunMs: number;
}

export interface DrawnCloud {
  readonly kind: string;
  readonly backend: string;
  readonly distance: string;
  readonly threads: number;
  readonly fixedMs: number;
  /** The backend's factor included. */
  readonly msPer100Mmac: number;
  /** By other clients, 0..1. */
  readonly utilisation: number;
  /** Coefficient of variation of the gaps between other clients' requests. */
  readonly arrivalCv: number;
  /** Of other clients; null: none in this session. */
  readonly bursts: Bursts | null;
  /** How long the service takes to start at the session's first request; null: it runs already. */
  readonly coldStartMs: Quantiles | null;
}

export interface DrawnUse {
  readonly mode: ModeId;
  readonly budgetMs: number;
  /** The accuracy floor: so many points of accuracy below the full net. */
  readonly lossPoints: number;
  /** Images of the session, as drawn, not whole; of `live`, its seconds. */
  readonly length: number;
  /** Frames a second of `live`, else 0. */
  readonly fps: number;
  /** Between photos, or between the bursts of `burst`; null for `live`. */
  readonly thinkS: Quantiles | null;
  /** Between the images of a burst; null else. */
  readonly gapS: Quantiles | null;
}

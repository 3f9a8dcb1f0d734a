import type { WayReport } from "./surprise.ts";

/** Something measured; `atMs` on any one clock. */
export type Observation = Transfer | Silence | ScaleSample | QueueReport | Stretch | WayReport;

/** A request that was answered: an image's cut, a padded probe, or a small one. */
export interface Transfer {
  readonly kind: "transfer";
  /** When the reply was there. */
  readonly atMs: number;
  /** Body and headers of the request. */
  readonly requestBytes: number;
  /** From the request to the reply as the program sees them, by the client's clock. */
  readonly elapsedMs: number;
  /** Of that: queue and compute, by the service's clock. */
  readonly serverMs: number;
}

/** A request whose reply did not come while one waited. */
export interface Silence {
  readonly kind: "silence";
  /** When it was given up. */
  readonly atMs: number;
  readonly requestBytes: number;
  readonly waitedMs: number;
  /** Of that: what the service would have taken, by all that is known. */
  readonly serverMs: number;
}

/** How long a head (`edge`) or a tail (`cloud`: what the service calls compute) took. */
export interface ScaleSample {
  readonly kind: "edge" | "cloud";
  readonly atMs: number;
  /** By the profile, at scale 1. */
  readonly predictedMs: number;
  readonly measuredMs: number;
}

/** How many times as long as expected an image's request took on the network: probes do not tell it. */
export interface Stretch {
  readonly kind: "stretch";
  readonly atMs: number;
  readonly ratio: number;
}

/** How long a request that came now would wait in the service, as it tells. */
export interface QueueReport {
  readonly kind: "queue";
  readonly atMs: number;
  readonly queueMs: number;
}

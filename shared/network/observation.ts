/** Something measured; `atMs` on any one clock. */
export type Observation = Probe | Transfer | ScaleSample | QueueReport;

/** A small request without work on the server. Take it while nothing else is on the way. */
export interface Probe {
  readonly kind: "probe";
  readonly atMs: number;
  /** From sending it to the answer's first byte. */
  readonly rttMs: number;
}

/** A request that carried bytes: an image's cut, or a padded probe. */
export interface Transfer {
  readonly kind: "transfer";
  readonly atMs: number;
  /** Body and headers of the request. */
  readonly requestBytes: number;
  /** From the start of the request to the start of the response, by the client's clock. */
  readonly elapsedMs: number;
  /** Of that: queue and compute, by the service's clock. */
  readonly serverMs: number;
  /** From the first byte of the header to the last of the body, by the service's clock, if it tells. */
  readonly receiveMs?: number;
}

/** How long a head (`edge`) or a tail (`cloud`: what the service calls compute) took. */
export interface ScaleSample {
  readonly kind: "edge" | "cloud";
  readonly atMs: number;
  /** By the profile, at scale 1. */
  readonly predictedMs: number;
  readonly measuredMs: number;
}

/** How long a request waited in the service, as it tells. */
export interface QueueReport {
  readonly kind: "queue";
  readonly atMs: number;
  readonly queueMs: number;
}

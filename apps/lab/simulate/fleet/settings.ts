/** What a fleet is: clients that plan alone, replicas of one service, and what happens to these. */
export interface FleetSettings {
  readonly clients: number;
  /** At most; an autoscaler takes as many as the load wants. */
  readonly replicas: number;
  /** Tails that a replica runs at once. */
  readonly workers: number;
  /** Mean time from one photo of a client to its next. */
  readonly everyMs: number;
  readonly durationMs: number;
  readonly autoscaling: Autoscaling | null;
  /** When half of the replicas die, and how long until they are there again; null: never. */
  readonly failure: { readonly atMs: number; readonly forMs: number } | null;
  readonly seed: number;
}

/** As Kubernetes' HorizontalPodAutoscaler does it. */
export interface Autoscaling {
  /** How often utilisation is looked at. */
  readonly periodMs: number;
  /** Of the replicas' time. */
  readonly target: number;
  /** From the wish for a replica to its first answer. */
  readonly delayMs: number;
  /** No fewer replicas than anybody wanted for so long. */
  readonly downAfterMs: number;
}

/** A client's connection, and what it has learnt, lasts so long in the mean: then the page is opened anew. */
export const SESSION_MS = 180_000;
/** As the service's `--max-queue-ms`. */
export const MAX_QUEUE_MS = 2000;
export const EDGE_NOISE = 0.05;
export const UPLINK_NOISE = 0.25;
export const CLOUD_NOISE = 0.1;
export const MOST_CLIENTS = 100_000;
export const MOST_REPLICAS = 100;

import type { Plan, Transport } from "#shared/model";

/** What one answered image teaches. */
export interface Measured {
  readonly imageMs: number;
  /** A head that ran on the edge, its cut read back and encoded; all-edge runs and local finishes included. */
  readonly head: HeadMeasured | null;
  readonly cloud: CloudMeasured | CloudLost | null;
  /** The plan's own way; null where an early exit made it shorter, or nothing was foretold. */
  readonly way: WayTaken | null;
}

/** How a plan's own way went, from the image's arrival on, waits for the engine left out; milliseconds. */
export interface WayTaken {
  readonly by: "edge" | "cloud";
  readonly foretold: { readonly totalMs: number; readonly sdMs: number; readonly p95Ms: number };
  /** Until its answer was there; or until nobody waited for it any more. */
  readonly ms: number;
  readonly isThere: boolean;
}

/** What ran on the edge, and how long it took: less than the plan when an early exit was sure. */
export interface HeadMeasured {
  /** Without early exits: the exit that was sure and all it needs, else the plan's exit and head. */
  readonly plan: Plan;
  /** Nodes that ran beside it: the branches of early exits that were not sure. */
  readonly branches: readonly string[];
  /** Segments that computed something, each fed and read back by itself. */
  readonly runs: number;
  /** What the page did for itself between them included. */
  readonly ms: number;
}

export interface CloudMeasured {
  readonly kind: "answered";
  readonly plan: Plan;
  readonly requestBytes: number;
  readonly transport: Transport;
  /** From the request to the reply, by the worker's clock. */
  readonly elapsedMs: number;
  /** A download was on the wire meanwhile: the time says nothing of the link itself. */
  readonly isShared: boolean;
  /** Of that, by the service's clock; null where it does not tell. */
  readonly served: Served | null;
  /** What the service expects the next request to wait; null when it does not tell. */
  readonly expectedQueueMs: number | null;
}

/** Of a request, by the service's clock. */
export interface Served {
  readonly queueMs: number;
  readonly computeMs: number;
  /** It was run by something slower than will run the next ones: what it took teaches nothing of them. */
  readonly isStandIn: boolean;
}

export interface CloudLost {
  readonly kind: "lost";
  readonly requestBytes: number;
  readonly transport: Transport;
  /** How long a reply was waited for in vain; null when the request failed. */
  readonly waitedMs: number | null;
  /** A download was on the wire meanwhile. */
  readonly isShared: boolean;
  /** Bytes of it have arrived meanwhile: the service is there. */
  readonly isHeard: boolean;
  /** The service is there but refuses for so long; null when it could not be reached. */
  readonly retryAfterMs: number | null;
  /** What it expects a request to wait; null when it does not tell. */
  readonly expectedQueueMs: number | null;
}

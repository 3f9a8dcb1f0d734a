/** What became of one photo. */
export interface Outcome {
  readonly answer: number;
  readonly photo: number;
  readonly atMs: number;
  /** The exit that answered; null where none did. */
  readonly exit: string | null;
  /**
   * Who answered: the edge by the plan, the cloud, or the edge in its stead. Else why nobody did: `lost`, no reply
   * came while somebody waited; `dropped`, a frame too many.
   */
  readonly by: "edge" | "cloud" | "fallback" | "lost" | "dropped";
  readonly plannedExit: string | null;
  /** Names of the tensors that the plan sends; empty for all-edge. */
  readonly cut: readonly string[];
  /** Of the first of these; null for all-edge. */
  readonly codec: string | null;
  /** Whether the cut lies inside the DAG: neither all-edge nor the image. */
  readonly isInner: boolean;
  /** From the photo's coming to the answer as planned, and how sure that was; null where the policy foretells nothing. */
  readonly predictedMs: number | null;
  readonly predictedP95Ms: number | null;
  /** What the plan's own way took, whether or not that answered; null where it was broken off before that was known. */
  readonly wayMs: number | null;
  /** Until the answer; until nobody waited any more for `lost`, null for `dropped`. */
  readonly ms: number | null;
  /** Where that time went. */
  readonly stages: Stages;
  readonly right: boolean;
  readonly inTime: boolean;
  /** A request was sent, and the edge worked for an answer of its own as well. */
  readonly twice: boolean;
  /** Energy, roughly: the edge's work, and what was sent. */
  readonly edgeMs: number;
  readonly sentBytes: number;
}

/** Milliseconds of one photo; they add up to all of them. */
export interface Stages {
  /** For the edge, which had something else to do. */
  readonly waitMs: number;
  readonly imageMs: number;
  readonly headMs: number;
  /** What the page did for itself. */
  readonly otherMs: number;
  /** To the service, half a round trip included. */
  readonly uplinkMs: number;
  readonly queueMs: number;
  readonly cloudMs: number;
  readonly downlinkMs: number;
  /** A reply was waited for in vain. */
  readonly lostMs: number;
  readonly finishMs: number;
}

export const NO_TIME: Stages = {
  waitMs: 0,
  imageMs: 0,
  headMs: 0,
  otherMs: 0,
  uplinkMs: 0,
  queueMs: 0,
  cloudMs: 0,
  downlinkMs: 0,
  lostMs: 0,
  finishMs: 0,
};

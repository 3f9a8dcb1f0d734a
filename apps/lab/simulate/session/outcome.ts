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
  readonly right: boolean;
  readonly inTime: boolean;
  /** A request was sent, and the edge worked for an answer of its own as well. */
  readonly twice: boolean;
  /** Energy, roughly: the edge's work, and what was sent. */
  readonly edgeMs: number;
  readonly sentBytes: number;
}

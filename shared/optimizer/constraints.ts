/** What a plan must respect, whatever it costs. Everything absent is allowed. */
export interface Constraints {
  /** Privacy: the cut may not hold the image, alone or with other tensors. */
  readonly noRawUpload?: boolean;
  /** Only the empty cut. */
  readonly offline?: boolean;
  /** The exits allowed, by id. */
  readonly exits?: readonly string[];
  /** The nodes whose weights the edge holds: a head computes no other. The input need not be named. */
  readonly readyNodes?: ReadonlySet<string>;
}

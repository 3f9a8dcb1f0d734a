/** Decoded photos of one split, all squares of one size. */
export interface Photos {
  readonly count: number;
  /** Height and width in pixels. */
  readonly size: number;
  /** RGB, 0..255: uint8 [count, size, size, 3]. */
  readonly pixels: Uint8Array;
  readonly labels: Labels;
}

/** Class index of each photo: [count]; 16 bits where there are more than 256 classes. */
export type Labels = Uint8Array | Uint16Array;

/** A picture that was drawn by our own code, and what it is to show. Their worker tells one after the other, and null after the last. */
export interface Drawing {
  readonly label: string;
  readonly file: Blob;
  /** `data:`: to make one of another kind, the page would wait for the browser each time. */
  readonly url: string;
}

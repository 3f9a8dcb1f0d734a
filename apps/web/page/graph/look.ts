/** How a graph is shown, beside what it shows. */
export interface Look {
  readonly pictureUrl: string | null;
}

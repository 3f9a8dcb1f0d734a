/** Decoding and scaling an image: median, and standard deviation. */
export interface ImageTimes {
  readonly ms: number;
  readonly sdMs: number;
}

/** Of the latest images, how long decoding took. */
const IMAGES = 5;
/** Before any image was seen. */
const FIRST: ImageTimes = { ms: 8, sdMs: 8 };

/** The times of the latest images, with one more. */
export function withImage(latest: readonly number[], imageMs: number): readonly number[] {
  return [imageMs, ...latest].slice(0, IMAGES);
}

/** What to expect; the spread from the range, which for five normal values is 2.33 standard deviations. */
export function imageTimes(latest: readonly number[]): ImageTimes {
  if (latest.length === 0) return FIRST;
  const sorted = [...latest].sort((a, b) => a - b);
  return { ms: sorted[sorted.length >> 1]!, sdMs: (sorted.at(-1)! - sorted[0]!) / 2.33 };
}

const WINDOW_MS = 3000;

/** How many come a second, over the last few seconds. */
export class Rate {
  private times: number[] = [];

  /** One more has come. @returns how many a second; null until there are enough to tell */
  next(nowMs: number): number | null {
    this.times = [...this.times.filter((time) => nowMs - time < WINDOW_MS), nowMs];
    const [first] = this.times;
    if (this.times.length < 3) return null;
    return (1000 * (this.times.length - 1)) / (nowMs - first!);
  }
}

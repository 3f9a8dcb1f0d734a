export type CloudState = "unknown" | "up" | "down" | "refusing";

/** So many failures in a row, of answers or probes, and the service counts as down. */
const FAILURES = 2;

/** Whether the service is there, by what answers and probes have met. */
export class CloudWatch {
  private heard = false;
  private failures = 0;
  private refusesUntil = Number.NEGATIVE_INFINITY;

  state(now: number): CloudState {
    if (this.failures >= FAILURES) return "down";
    if (now < this.refusesUntil) return "refusing";
    return this.heard ? "up" : "unknown";
  }

  isUp(now: number): boolean {
    const state = this.state(now);
    return state === "up" || state === "unknown";
  }

  answered(): void {
    this.heard = true;
    this.failures = 0;
  }

  /** Bytes of something else have arrived: it is not down. */
  heardOf(): void {
    this.failures = 0;
  }

  /** @param retryAfterMs how long the service refuses; null when nothing was heard of it */
  failed(retryAfterMs: number | null, now: number): void {
    if (retryAfterMs === null) {
      this.failures += 1;
      return;
    }
    this.answered();
    this.refusesUntil = now + retryAfterMs;
  }

  /** True once after each refusal. */
  refusalEnded(now: number): boolean {
    if (this.refusesUntil === Number.NEGATIVE_INFINITY || now < this.refusesUntil) return false;
    this.refusesUntil = Number.NEGATIVE_INFINITY;
    return true;
  }
}

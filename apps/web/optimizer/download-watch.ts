/**
 * Who may be downloading. `start`: the edge worker's own scripts and its backend, of which nobody sees the bytes;
 * `edge`: weights; `app`: whatever the app does of its own, such as pictures; `own`: profiles, in the optimizer's worker.
 */
export type Downloader = "start" | "edge" | "app" | "own";

/** What is on its way to this device beside replies: it delays them, and shows that the service lives. */
export class DownloadWatch {
  private readonly on = new Set<Downloader>();
  private endedMs = Number.NEGATIVE_INFINITY;
  private heardMs = Number.NEGATIVE_INFINITY;

  set(who: Downloader, isOn: boolean, now: number): void {
    if (isOn) this.on.add(who);
    else if (this.on.delete(who)) this.endedMs = now;
  }

  heard(now: number): void {
    this.heardMs = now;
  }

  /** Whether those who download know that they may have to wait. */
  get canWait(): boolean {
    return !this.on.has("start");
  }

  get isOn(): boolean {
    return this.on.size > 0;
  }

  /** Whether a download was on at that time or later. */
  wasOnSince(sinceMs: number): boolean {
    return this.isOn || this.endedMs >= sinceMs;
  }

  /** Whether bytes have arrived since, or may have. */
  mayHaveHeardSince(sinceMs: number): boolean {
    return this.on.has("start") || this.heardMs >= sinceMs;
  }

  /** For how long nothing has arrived. */
  silentMs(now: number): number {
    return now - this.heardMs;
  }
}

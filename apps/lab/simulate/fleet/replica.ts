import { MAX_QUEUE_MS } from "./settings.ts";

/** How a request goes in a replica; refused: it would wait too long, or not be done in time. */
export type Served = { readonly startMs: number; readonly endMs: number } | "refused";

/** One process of the service: workers that take who came first, and what it tells of its queue. */
export class Replica {
  isLive = true;
  /** How often it died: connections from before are gone. */
  deaths = 0;
  /** Until when each worker has something to do. */
  private readonly freeMs: Float64Array;
  /** Open connections. */
  clients = 0;

  constructor(workers: number) {
    this.freeMs = new Float64Array(workers);
  }

  /** What the service tells: how long a request that comes now would wait. */
  toldQueueMs(nowMs: number): number {
    return Math.max(0, this.freeMs[this.earliest()]! - nowMs);
  }

  /** @param leftMs until the answer is of no use any more: who cannot be done by then is refused at once */
  serve(nowMs: number, ms: number, leftMs: number): Served {
    const worker = this.earliest();
    const startMs = Math.max(nowMs, this.freeMs[worker]!);
    const waitMs = startMs - nowMs;
    if (waitMs > MAX_QUEUE_MS || (waitMs > 0 && waitMs + ms > leftMs)) return "refused";
    this.freeMs[worker] = startMs + ms;
    return { startMs, endMs: startMs + ms };
  }

  /** All that was under way is lost. */
  die(): void {
    this.isLive = false;
    this.deaths += 1;
    this.clients = 0;
  }

  revive(nowMs: number): void {
    this.isLive = true;
    this.freeMs.fill(nowMs);
  }

  private earliest(): number {
    const { freeMs } = this;
    let best = 0;
    for (let at = 1; at < freeMs.length; at++) if (freeMs[at]! < freeMs[best]!) best = at;
    return best;
  }
}

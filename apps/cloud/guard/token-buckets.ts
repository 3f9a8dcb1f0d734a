export interface RateLimit {
  /** Requests a second in the long run; above 0. */
  readonly perSecond: number;
  /** Requests at once; 1 or more. */
  readonly burst: number;
}

/** Clients that are remembered. One that was forgotten begins with a full bucket. */
const MAX_CLIENTS = 10_000;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A bucket of tokens for each client: a request takes one, and they come back at a steady rate. */
export class TokenBuckets {
  private readonly limit: RateLimit;
  private readonly maxClients: number;
  /** The longest unused first. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, maxClients = MAX_CLIENTS) {
    this.limit = limit;
    this.maxClients = maxClients;
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.buckets.size;
  }

  /**
   * Takes a token of a client.
   *
   * @param nowMs on a clock that never jumps, such as `performance.now()`
   * @returns 0 when there was one, else the milliseconds until there will be
   */
  take(client: string, nowMs: number): number {
    const { perSecond, burst } = this.limit;
    const bucket = this.buckets.get(client) ?? { tokens: burst, atMs: nowMs };
    const regained = ((nowMs - bucket.atMs) * perSecond) / 1000;
    const tokens = Math.min(burst, bucket.tokens + regained);
    const waitMs = tokens >= 1 ? 0 : ((1 - tokens) * 1000) / perSecond;
    this.buckets.delete(client);
    this.buckets.set(client, { tokens: waitMs === 0 ? tokens - 1 : tokens, atMs: nowMs });
    if (this.buckets.size > this.maxClients) {
      const [oldest] = this.buckets.keys();
      this.buckets.delete(oldest!);
    }
    return waitMs;
  }
}

export interface RateLimit {
  /** Milliseconds of work a second in the long run, of which a request counts for one at least; above 0. */
  readonly perSecond: number;
  /** The same at once; 1 or more. */
  readonly burst: number;
}

/** Clients that are remembered. One that was forgotten begins with a full bucket. */
const MAX_CLIENTS = 10_000;

interface Bucket {
  /** Below 0 is a debt. */
  tokens: number;
  /** How many more there would be without the work that is not yet made good. */
  work: number;
  atMs: number;
}

/**
 * A bucket of tokens for each client, one for a millisecond of work: they come back at a steady rate. What a request
 * takes is known only once it has been read: it needs a token to be read, and owes the rest.
 */
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
    const bucket = this.buckets.get(client) ?? { tokens: burst, work: 0, atMs: nowMs };
    const regained = ((nowMs - bucket.atMs) * perSecond) / 1000;
    const there = Math.min(burst, bucket.tokens + regained);
    const waitMs = there >= 1 ? 0 : ((1 - there) * 1000) / perSecond;
    this.buckets.delete(client);
    const work = Math.max(0, bucket.work - regained);
    this.buckets.set(client, { tokens: waitMs === 0 ? there - 1 : there, work, atMs: nowMs });
    if (this.buckets.size > this.maxClients) {
      const [oldest] = this.buckets.keys();
      this.buckets.delete(oldest!);
    }
    return waitMs;
  }

  /** Takes more tokens of a client than there are, or gives some back. */
  owe(client: string, tokens: number): void {
    const bucket = this.buckets.get(client);
    if (bucket === undefined) return;
    bucket.tokens -= tokens;
    bucket.work += tokens;
  }

  /** Whether a client would have a token, had it only sent its requests and not made work. */
  lacksForWork(client: string): boolean {
    const { tokens = 1, work = 0 } = this.buckets.get(client) ?? {};
    return tokens < 1 && tokens + work >= 1;
  }
}

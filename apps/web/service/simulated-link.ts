import type { SimulatedConditions } from "#shared/model";

/** Waits until a reply would have come, of which so many milliseconds were the cloud's. */
export type HoldReply = (serverMs: number) => Promise<void>;

/**
 * One thread's link to the service as it is simulated, if it is: replies are held until they would have come over it.
 * What is sent at once shares its uplink. A real link that is slower stays as slow.
 */
export class SimulatedLink {
  private conditions: SimulatedConditions | null = null;
  private uplinkFreeMs = Number.NEGATIVE_INFINITY;
  private readonly held = new Set<() => void>();

  get simulated(): SimulatedConditions | null {
    return this.conditions;
  }

  /** What is held now is let go. */
  simulate(conditions: SimulatedConditions | null): void {
    this.conditions = conditions;
    this.uplinkFreeMs = Number.NEGATIVE_INFINITY;
    for (const go of [...this.held]) go();
  }

  /**
   * A request goes on the link.
   *
   * @param wireBytes headers included
   * @param signal of whoever waits for the reply; its reason is what the hold fails with
   */
  send(wireBytes: number, signal?: AbortSignal | null): HoldReply {
    const { conditions } = this;
    if (conditions === null) return async () => {};
    const { uplinkBps, rttMs } = conditions;
    const sentMs = Math.max(performance.now(), this.uplinkFreeMs) + (8000 * wireBytes) / uplinkBps;
    this.uplinkFreeMs = sentMs;
    const leave = (): void => {
      if (this.uplinkFreeMs === sentMs) this.uplinkFreeMs = performance.now();
    };
    signal?.addEventListener("abort", leave, { once: true });
    return async (serverMs) => {
      if (this.conditions === conditions) await this.until(sentMs + rttMs + serverMs, signal);
    };
  }

  /** How long a request waits in the cloud, by its own word or as it is simulated. */
  queueMs(told: number): number {
    return Math.max(told, this.conditions?.queueMs ?? 0);
  }

  private async until(dueMs: number, signal?: AbortSignal | null): Promise<void> {
    const leftMs = dueMs - performance.now();
    if (leftMs <= 0) return;
    signal?.throwIfAborted();
    await new Promise<void>((done, fail) => {
      const end = (settle: () => void) => () => {
        clearTimeout(timer);
        this.held.delete(go);
        signal?.removeEventListener("abort", giveUp);
        settle();
      };
      const go = end(done);
      const giveUp = end(() => fail(signal?.reason));
      const timer = setTimeout(go, leftMs);
      this.held.add(go);
      signal?.addEventListener("abort", giveUp);
    });
  }
}

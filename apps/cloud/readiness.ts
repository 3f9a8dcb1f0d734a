import type { Tails } from "./open-tails.ts";

/** Whether the service can be asked, and why not. */
export class Readiness {
  private readonly tails: Pick<Tails, "pool" | "engine">;
  /** It serves what comes, and ends soon. */
  isDraining = false;

  constructor(tails: Pick<Tails, "pool" | "engine">) {
    this.tails = tails;
  }

  /** Why nothing can be asked, or null. */
  refusal(): string | null {
    return this.tails.engine() === null ? "the service is starting" : null;
  }

  /** Why no tail can run now, or null. */
  stopped(): string | null {
    if (this.refusal() !== null) return this.refusal();
    const isAlive = this.tails.pool.liveCount() > 0;
    return isAlive ? null : "no worker is alive: those that were lost are being replaced";
  }

  /** Why load balancers should send nothing more, or null. */
  unready(): string | null {
    return this.isDraining ? "the service is draining: it serves what comes, and ends soon" : this.stopped();
  }
}

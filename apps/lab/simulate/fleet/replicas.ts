import { Replica } from "./replica.ts";
import type { FleetSettings } from "./settings.ts";

/** All replicas there may be, with a load balancer before them and an autoscaler behind. */
export class Replicas {
  readonly all: readonly Replica[];
  private readonly settings: FleetSettings;
  private wantedUntil: { readonly atMs: number; readonly count: number }[] = [];
  /** On their way: when each is there. */
  private starting: number[] = [];
  private failed: readonly Replica[] = [];

  constructor(settings: FleetSettings) {
    this.settings = settings;
    this.all = Array.from({ length: settings.replicas }, () => new Replica(settings.workers));
    if (settings.autoscaling !== null) {
      const first = Math.max(1, Math.ceil(settings.replicas / 4));
      for (const replica of this.all.slice(first)) replica.die();
    }
  }

  get live(): readonly Replica[] {
    return this.all.filter(({ isLive }) => isLive);
  }

  /** The replica with the fewest connections, as load balancers choose; null where none is live. */
  connect(): Replica | null {
    let best: Replica | null = null;
    for (const replica of this.all)
      if (replica.isLive && (best === null || replica.clients < best.clients)) best = replica;
    if (best !== null) best.clients += 1;
    return best;
  }

  /** Half of those that live. */
  fail(): void {
    const { live } = this;
    this.failed = live.slice(0, Math.ceil(live.length / 2));
    for (const replica of this.failed) replica.die();
  }

  /** Those that died are there again. */
  restore(nowMs: number): void {
    for (const replica of this.failed) if (!replica.isLive) replica.revive(nowMs);
    this.failed = [];
  }

  /**
   * Looks at the load of a period and wants more replicas, or fewer.
   *
   * @param load work of the period over what the live replicas could have done
   */
  scale(nowMs: number, load: number): void {
    const { autoscaling, replicas } = this.settings;
    if (autoscaling === null) return;
    const { target, delayMs, downAfterMs } = autoscaling;
    for (const _ of this.starting.filter((one) => one <= nowMs)) this.start(nowMs);
    this.starting = this.starting.filter((one) => one > nowMs);
    const { live } = this;
    const isNear = Math.abs(load / target - 1) <= 0.1;
    const wanted = isNear ? live.length : Math.ceil((live.length * load) / target);
    const count = Math.min(replicas, Math.max(1, wanted));
    this.wantedUntil = [...this.wantedUntil, { atMs: nowMs, count }].filter(
      ({ atMs }) => atMs > nowMs - downAfterMs,
    );
    const least = Math.max(...this.wantedUntil.map((one) => one.count));
    for (let have = live.length + this.starting.length; have < count; have++)
      this.starting.push(nowMs + delayMs);
    if (least < live.length) live.at(-1)!.die();
  }

  private start(nowMs: number): void {
    this.all.find(({ isLive }) => !isLive)?.revive(nowMs);
  }
}

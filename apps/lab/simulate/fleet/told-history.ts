import type { Replica } from "./replica.ts";

/** So often it is written down what replicas tell, and for so long it is kept. */
const STEP_MS = 100;
const KEPT = 128;

/** What each replica told lately: probes are answered from it when somebody asks what they brought. */
export class ToldHistory {
  private readonly replicas: readonly Replica[];
  private readonly told: Float32Array;
  private readonly numbers: ReadonlyMap<Replica, number>;
  private step = 0;

  constructor(replicas: readonly Replica[]) {
    this.replicas = replicas;
    this.told = new Float32Array(replicas.length * KEPT);
    this.numbers = new Map(replicas.map((replica, at) => [replica, at]));
  }

  get nextMs(): number {
    return (this.step + 1) * STEP_MS;
  }

  /** To be called at `nextMs`. */
  write(): void {
    this.step += 1;
    const nowMs = this.step * STEP_MS;
    for (const [at, replica] of this.replicas.entries())
      this.told[at * KEPT + (this.step % KEPT)] = replica.isLive ? replica.toldQueueMs(nowMs) : 0;
  }

  /** @param ms not long ago: what is older is told as the oldest that is kept */
  readonly at = (replica: Replica, ms: number): number => {
    const step = Math.max(0, Math.min(this.step, Math.floor(ms / STEP_MS)), this.step - KEPT + 1);
    return this.told[this.numbers.get(replica)! * KEPT + (step % KEPT)]!;
  };
}

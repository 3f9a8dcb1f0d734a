import type { PendingTail } from "./pending-tail.ts";

/** Jobs in the order in which they came, and what they add up to. */
export class TailQueue {
  private readonly jobs: PendingTail[] = [];
  private bytesHeld = 0;
  private work = 0;

  get items(): readonly PendingTail[] {
    return this.jobs;
  }

  /** Of all tensors that wait. */
  get bytes(): number {
    return this.bytesHeld;
  }

  /** Of one worker, for everything that waits. */
  get workMs(): number {
    return this.work;
  }

  push(pending: PendingTail): void {
    this.jobs.push(pending);
    this.account(pending, 1);
  }

  /** @returns whether it was there */
  remove(pending: PendingTail): boolean {
    const at = this.jobs.indexOf(pending);
    if (at < 0) return false;
    this.jobs.splice(at, 1);
    this.account(pending, -1);
    return true;
  }

  clear(): PendingTail[] {
    const all = [...this.jobs];
    for (const pending of all) this.remove(pending);
    return all;
  }

  private account({ bytes, workMs }: PendingTail, sign: 1 | -1): void {
    this.bytesHeld += sign * bytes;
    // Sums of floats do not come back to zero by themselves.
    this.work = this.jobs.length === 0 ? 0 : this.work + sign * workMs;
  }
}

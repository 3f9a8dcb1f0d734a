import { type Capacity, capacityOf, type Rate } from "./rate.ts";

/** What a full TCP segment of an Ethernet packet carries, and the headers it travels with. */
export const SEGMENT_BYTES = 1448;
const HEADER_BYTES = 52;

/** A segment on its way. */
interface Segment {
  readonly bits: number;
  deliver(): void;
}

/**
 * One direction of a network link: segments leave one after the other at the link's rate, whole, and
 * arrive in the same order after the propagation delay.
 *
 * Time is the link's own: a timer that fires late delivers late, but delays nothing behind it.
 */
export class Link {
  private capacity!: Capacity;
  private capacityFromMs!: number;
  private delayMs: number;
  private stalled = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly waiting: Segment[] = [];
  /** When the first waiting segment began to leave, and how much of it was still to go then. */
  private headFromMs = 0;
  private headBits = 0;
  private readonly flying: { readonly atMs: number; readonly deliver: () => void }[] = [];

  constructor(rate: Rate, delayMs: number) {
    this.delayMs = delayMs;
    this.startRate(rate);
  }

  /** Sends bytes of a payload, at most one segment of them; 0 for a bare signal, such as the end. */
  send(bytes: number, deliver: () => void): void {
    const segment = { bits: bytes === 0 ? 0 : 8 * (bytes + HEADER_BYTES), deliver };
    this.waiting.push(segment);
    if (this.waiting.length === 1) this.begin(segment, performance.now());
    this.pump();
  }

  /** From now on; what is half through goes on at the new rate. */
  setRate(rate: Rate): void {
    this.settleHead();
    this.startRate(rate);
    this.pump();
  }

  /** For segments that have not left yet; order is kept. */
  setDelay(delayMs: number): void {
    this.delayMs = delayMs;
    this.pump();
  }

  /** While stalled nothing leaves and nothing arrives, and nothing is lost. */
  setStalled(stalled: boolean): void {
    if (stalled && !this.stalled) this.settleHead();
    if (!stalled && this.stalled) this.headFromMs = performance.now();
    this.stalled = stalled;
    this.pump();
  }

  /** Drops everything. */
  close(): void {
    clearTimeout(this.timer);
    this.waiting.length = 0;
    this.flying.length = 0;
  }

  private startRate(rate: Rate): void {
    this.capacity = capacityOf(rate);
    this.capacityFromMs = performance.now();
  }

  private begin(segment: Segment, fromMs: number): void {
    this.headFromMs = fromMs;
    this.headBits = segment.bits;
  }

  /** Takes off what has left of the first segment until now. */
  private settleHead(): void {
    if (this.waiting.length === 0 || this.stalled) return;
    const now = performance.now();
    this.headBits = Math.max(0, this.headBits - (this.bitsAt(now) - this.bitsAt(this.headFromMs)));
    this.headFromMs = now;
  }

  private bitsAt(ms: number): number {
    return this.capacity.bitsAt(Math.max(0, ms - this.capacityFromMs));
  }

  /** When the first waiting segment has left. */
  private headDoneMs(): number {
    if (this.headBits === 0) return this.headFromMs;
    const done = this.capacity.msOf(this.bitsAt(this.headFromMs) + this.headBits);
    return this.capacityFromMs + done;
  }

  /** Moves what is due and sets the timer for the next thing that will be. */
  private pump(): void {
    clearTimeout(this.timer);
    if (this.stalled) return;
    const now = performance.now();
    let nextMs = Number.POSITIVE_INFINITY;
    while (this.waiting.length > 0) {
      const doneMs = this.headDoneMs();
      if (doneMs > now) {
        nextMs = doneMs;
        break;
      }
      const { deliver } = this.waiting.shift()!;
      const before = this.flying.at(-1)?.atMs ?? 0;
      this.flying.push({ atMs: Math.max(before, doneMs + this.delayMs), deliver });
      if (this.waiting[0] !== undefined) this.begin(this.waiting[0], doneMs);
    }
    // What is delivered may send something back, and so come here again: one by one, in order.
    while (this.flying[0] !== undefined && this.flying[0].atMs <= now) this.flying.shift()!.deliver();
    nextMs = Math.min(nextMs, this.flying[0]?.atMs ?? nextMs);
    clearTimeout(this.timer);
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.timer = setTimeout(() => this.pump(), Math.max(0, Math.ceil(nextMs - now)));
  }
}

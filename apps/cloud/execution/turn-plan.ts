import { type Flow, least } from "./flow.ts";
import type { TailTimes } from "./tail-times.ts";

export interface Offer {
  readonly times: TailTimes;
  readonly maxImages: number;
  /** Longest that a batch of several images may be expected to run. */
  readonly maxMs: number;
  readonly nowMs: number;
}

/** So far may one get ahead of others that wait, milliseconds of work. */
export const TURN_MS = 25;

/**
 * A batch that is being put together, of one model: who would have had how much with it. An image costs what one of so
 * many costs in the mean.
 */
export class Plan {
  images = 0;
  private readonly first: Flow;
  private readonly times: TailTimes;
  private readonly maxImages: number;
  private readonly nowMs: number;
  private readonly touched = new Set<Flow>();

  /** @param first the connection whose turn it is */
  constructor(first: Flow, { times, maxImages, maxMs, nowMs }: Offer) {
    this.first = first;
    this.times = times;
    const { fixedMs, perImageMs } = times.line;
    this.maxImages =
      perImageMs > 0 ? Math.min(maxImages, Math.floor((maxMs - fixedMs) / perImageMs)) : maxImages;
    this.nowMs = nowMs;
  }

  get isFull(): boolean {
    return this.images >= this.maxImages;
  }

  add(line: Flow, images: number): void {
    this.images += images;
    for (const flow of line.path) {
      flow.planned += images;
      this.touched.add(flow);
    }
  }

  /**
   * Images of a connection that have room and leave all others their turns: whoever waits may fall behind it by one, and whoever does
   * not may until he is expected back. That a run is worth its fixed part goes first, for the one whose turn it is and
   * for those who have had no more.
   */
  room(line: Flow): number {
    const eachMs = this.eachMs();
    let roomMs = Number.POSITIVE_INFINITY;
    for (const flow of line.path) {
      const had = this.had(flow, eachMs);
      for (const other of flow.parent!.askers) {
        if (other !== flow) roomMs = Math.min(roomMs, this.had(other, eachMs) + TURN_MS - had);
      }
      for (const other of flow.parent!.expected()) {
        if (other === flow) continue;
        const awayMs = other.returnsMs(this.nowMs) - this.nowMs - eachMs * flow.planned;
        roomMs = Math.min(roomMs, Math.max(awayMs, this.had(other, eachMs) + TURN_MS - had));
      }
    }
    const fair = Math.max(0, this.imagesIn(roomMs), this.usefulRoom(line, eachMs));
    return Math.min(fair, Math.max(0, this.maxImages - this.images));
  }

  /** The connection whose turn it is next: the client decides, and then the connection. */
  next<L extends { readonly flow: Flow }>(lines: readonly L[]): L | undefined {
    const eachMs = this.eachMs();
    const turn = least(lines, ({ flow }) => this.had(flow.path.at(-1)!, eachMs));
    const client = turn?.flow.path.at(-1);
    return least(lines, ({ flow }) =>
      flow.path.at(-1) === client ? this.had(flow, eachMs) : Number.POSITIVE_INFINITY,
    );
  }

  /** What was planned is done, or not. */
  close(): void {
    for (const flow of this.touched) flow.planned = 0;
  }

  /** With so many images the fixed part of a run is half of it; with fewer, most of the work would be for nothing. */
  private usefulRoom(line: Flow, eachMs: number): number {
    const { fixedMs, perImageMs } = this.times.line;
    const useful = perImageMs > 0 ? Math.floor(fixedMs / perImageMs) - this.images : 0;
    const at = line.path.findLastIndex((flow, level) => flow !== this.first.path[level]);
    if (at < 0 || useful <= 0) return useful;
    const aheadMs = this.had(line.path[at]!, eachMs) - this.had(this.first.path[at]!, eachMs);
    return Math.min(useful, this.imagesIn(TURN_MS - aheadMs));
  }

  /** Images more of which the share is so much. */
  private imagesIn(ms: number): number {
    const shareMs = (more: number): number =>
      (more * this.times.expectMs(this.images + more)) / (this.images + more);
    if (shareMs(this.maxImages) <= ms) return this.maxImages;
    let [fits, tooMany] = [0, this.maxImages];
    while (tooMany - fits > 1) {
      const middle = (fits + tooMany) >> 1;
      if (shareMs(middle) <= ms) fits = middle;
      else tooMany = middle;
    }
    return fits;
  }

  private eachMs(): number {
    return this.times.expectMs(this.images + 1) / (this.images + 1);
  }

  private had(flow: Flow, eachMs: number): number {
    return flow.spentMs + eachMs * flow.planned;
  }
}

import type { TailTimes } from "../tails/tail-times.ts";
import type { Flow } from "./flow.ts";
import { batchBound } from "./form-batch.ts";

export interface Offer {
  readonly times: TailTimes;
  readonly maxImages: number;
  /** Longest that a batch of several images may be expected to run. */
  readonly maxMs: number;
  readonly nowMs: number;
}

/**
 * So far may one get ahead of others that wait, milliseconds of work: clients and models, and a client's own connections,
 * for whom it is better that batches are large.
 */
const TURN_MS = 25;
const LINE_TURN_MS = 250;

/** @param level in a path: 0 for connections */
export function turnMs(level: number): number {
  return level === 0 ? LINE_TURN_MS : TURN_MS;
}

/**
 * A batch that is being put together, of one model: who would have had how much with it. An image costs what one of so
 * many costs in the mean.
 */
export class Plan {
  images = 0;
  private readonly first: Flow;
  private readonly times: TailTimes;
  readonly maxImages: number;
  private readonly isTrial: boolean;
  private readonly nowMs: number;
  private readonly rankings = new Map<Flow, Ranking>();

  /** @param first the connection whose turn it is */
  constructor(first: Flow, { times, maxImages, maxMs, nowMs }: Offer) {
    this.first = first;
    this.times = times;
    const { fixedMs, perImageMs } = times.line;
    const most = batchBound(times, maxImages);
    this.isTrial = most < maxImages;
    this.maxImages = perImageMs > 0 ? Math.min(most, Math.floor((maxMs - fixedMs) / perImageMs)) : most;
    this.nowMs = nowMs;
  }

  add(line: Flow, images: number): void {
    this.images += images;
    for (const flow of line.path) {
      if (flow.planned === 0) this.rankingOf(flow.parent!).planned.push(flow);
      flow.planned += images;
    }
  }

  /**
   * Images of a connection that have room and leave all others their turns: whoever waits may fall behind it by one,
   * and whoever does not may until he is expected back. That a run is worth its fixed part goes first, for the one whose
   * turn it is and for those who have had no more.
   */
  room(line: Flow): number {
    const eachMs = this.eachMs();
    let roomMs = Number.POSITIVE_INFINITY;
    for (const [level, flow] of line.path.entries()) {
      const had = this.had(flow, eachMs) - turnMs(level);
      for (const other of this.rankingOf(flow.parent!).leastBut(flow)) {
        roomMs = Math.min(roomMs, this.had(other, eachMs) - had);
      }
      for (const other of flow.parent!.expected()) {
        if (other === flow) continue;
        const awayMs = other.returnsMs(this.nowMs) - this.nowMs - eachMs * flow.planned;
        roomMs = Math.min(roomMs, Math.max(awayMs, this.had(other, eachMs) - had));
      }
    }
    const fair = Math.max(0, this.imagesIn(roomMs), this.usefulRoom(line, eachMs));
    return Math.min(fair, Math.max(0, this.maxImages - this.images));
  }

  /** What somebody would have had. */
  readonly hadOf = (flow: Flow): number => this.had(flow, this.eachMs());

  /** What was planned is done, or not. */
  close(): void {
    for (const { planned } of this.rankings.values()) for (const flow of planned) flow.planned = 0;
  }

  /** With so many images the fixed part of a run is half of it; with fewer, most of the work would be for nothing. */
  private usefulRoom(line: Flow, eachMs: number): number {
    const { fixedMs, perImageMs } = this.times.line;
    const half = perImageMs > 0 ? Math.floor(fixedMs / perImageMs) : this.maxImages;
    const useful = (this.isTrial ? this.maxImages : half) - this.images;
    const at = line.path.findLastIndex((flow, level) => flow !== this.first.path[level]);
    if (at < 0 || useful <= 0) return useful;
    const aheadMs = this.had(line.path[at]!, eachMs) - this.had(this.first.path[at]!, eachMs);
    return Math.min(useful, this.imagesIn(turnMs(at) - aheadMs));
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

  private rankingOf(parent: Flow): Ranking {
    const known = this.rankings.get(parent);
    if (known !== undefined) return known;
    const made = new Ranking(parent.askers);
    this.rankings.set(parent, made);
    return made;
  }

  private eachMs(): number {
    return this.times.expectMs(this.images + 1) / (this.images + 1);
  }

  private had(flow: Flow, eachMs: number): number {
    return flow.spentMs + eachMs * flow.planned;
  }
}

/** Siblings that ask, so that the one who had least is found without looking at all of them each time. */
class Ranking {
  /** Those that are part of the batch. */
  readonly planned: Flow[] = [];
  private readonly others: readonly Flow[];
  private at = 0;

  constructor(flows: Iterable<Flow>) {
    this.others = [...flows].sort((a, b) => a.spentMs - b.spentMs);
  }

  /** Those of whom one has had least, but for one. */
  *leastBut(but: Flow): Generator<Flow> {
    const { others, planned } = this;
    for (const flow of planned) if (flow !== but) yield flow;
    while (this.at < others.length && others[this.at]!.planned > 0) this.at++;
    let at = this.at;
    while (at < others.length && (others[at]!.planned > 0 || others[at] === but)) at++;
    if (at < others.length) yield others[at]!;
  }
}

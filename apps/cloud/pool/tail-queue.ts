import { Candidates, type Line } from "./candidates.ts";
import { Flow, least } from "./flow.ts";
import { pays, type Waiting } from "./form-batch.ts";
import { type Offer, Plan, turnMs } from "./turn-plan.ts";

/** A job that waits for its turn. */
export interface Queued extends Waiting {
  /** Who takes turns for it, the widest first: its client, its model, its connection. */
  readonly who: readonly unknown[];
  readonly bytes: number;
  /** What all of it is expected to take of a worker. */
  readonly workMs: number;
}

/** Images of a job that run together. */
export interface Portion<T> extends Waiting {
  readonly job: T;
  /** The first of its images. */
  readonly from: number;
}

/** A worker is kept for one who is about to come back for at most so long. */
const MOST_KEPT_MS = 20;

interface Entry<T> {
  readonly job: T;
  readonly flow: Flow;
  /** Images that have begun to run. */
  taken: number;
}

/**
 * Jobs that wait. Clients take turns by the work that their jobs make, whatever their number and size; so do the models
 * that one client asks for, and the connections over which it asks for one of them: `Flow`. A large job does not have
 * its turn at once: while others wait, or are about to, only as many of its images run as its turn has room for.
 */
export class TailQueue<T extends Queued> {
  private readonly root = new Flow();
  private readonly entries = new Map<T, Entry<T>>();
  /** Of each connection, in the order in which they came. */
  private readonly lines = new Map<Flow, Set<Entry<T>>>();
  private bytesHeld = 0;
  private turns = 0;

  get size(): number {
    return this.entries.size;
  }

  get jobs(): Iterable<T> {
    return this.entries.keys();
  }

  /** Of all tensors that wait. */
  get bytes(): number {
    return this.bytesHeld;
  }

  /** Of one worker, for everything that waits. */
  get workMs(): number {
    let workMs = 0;
    for (const flow of this.root.askers) workMs += flow.waitingMs;
    return workMs;
  }

  push(job: T, nowMs: number): void {
    const flow = job.who.reduce<Flow>((parent, key) => parent.child(key), this.root);
    const entry = { job, flow, taken: 0 };
    this.entries.set(job, entry);
    const line = this.lines.get(flow) ?? new Set();
    this.lines.set(flow, line.add(entry));
    flow.arrive(job.workMs, nowMs);
    this.bytesHeld += job.bytes;
  }

  /** @returns whether it was there */
  remove(job: T, nowMs: number): boolean {
    const entry = this.entries.get(job);
    if (entry === undefined) return false;
    const { flow, taken } = entry;
    this.entries.delete(job);
    const line = this.lines.get(flow)!;
    line.delete(entry);
    if (line.size === 0) this.lines.delete(flow);
    flow.shrink((job.workMs * (job.images - taken)) / job.images);
    flow.depart(nowMs);
    this.bytesHeld -= job.bytes;
    return true;
  }

  /** The job whose turn it is. */
  first(): T | undefined {
    return this.firstEntry()?.job;
  }

  /**
   * What may run next as one batch: images of the job whose turn it is and of others of its kind, each in its turn.
   *
   * @param times of the kind of the first job
   */
  offer(circumstances: Offer): readonly Portion<T>[] {
    const first = this.firstEntry();
    if (first === undefined) return [];
    const plan = new Plan(first.flow, circumstances);
    const images = new Map<Entry<T>, number>();
    const leftOf = (entry: Entry<T>): number => entry.job.images - entry.taken - (images.get(entry) ?? 0);
    const giveTurn = (entry: Entry<T>, room: number): void => {
      const count = Math.min(leftOf(entry), room);
      plan.add(entry.flow, count);
      images.set(entry, (images.get(entry) ?? 0) + count);
    };
    giveTurn(first, Math.max(1, plan.room(first.flow)));
    const others = new Candidates(
      pays(circumstances.times, plan.maxImages) ? this.ofKind(first.job.kind) : [],
    );
    for (let line = others.next(plan.hadOf); line !== undefined; line = others.next(plan.hadOf)) {
      const [entry] = line.entries;
      if (entry === undefined) others.drop(line);
      else if (leftOf(entry) === 0) line.entries.shift();
      else {
        const room = plan.room(line.flow);
        if (room === 0) break;
        giveTurn(entry, room);
      }
    }
    plan.close();
    return [...images].map(([{ job, taken }, count]) => {
      const { kind, finishBy, arrivedMs } = job;
      return { job, from: taken, images: count, kind, finishBy, arrivedMs };
    });
  }

  /**
   * Until when to leave the worker idle all the same: somebody has had less than the one whose turn it would be, and is
   * about to come back.
   */
  keptUntilMs(): number {
    let untilMs = Number.NEGATIVE_INFINITY;
    const first = this.firstEntry();
    if (first === undefined) return untilMs;
    for (const [level, { parent, spentMs }] of first.flow.path.entries()) {
      for (const other of parent!.expected()) {
        if (other.spentMs + turnMs(level) < spentMs)
          untilMs = Math.max(untilMs, other.keptUntilMs(MOST_KEPT_MS));
      }
    }
    return untilMs;
  }

  /**
   * These run now.
   *
   * @param expectedMs of all of them together
   */
  begin(portions: readonly Portion<T>[], expectedMs: number, nowMs: number): Run {
    const turn = this.turns++;
    const total = portions.reduce((sum, { images }) => sum + images, 0);
    const shares = portions.map(({ job, images }) => {
      const entry = this.entries.get(job)!;
      entry.flow.shrink((job.workMs * images) / job.images);
      const share = images / total;
      entry.flow.begin(turn, expectedMs * share, nowMs + expectedMs);
      entry.taken += images;
      if (entry.taken === job.images) this.remove(job, nowMs);
      return { flow: entry.flow, share };
    });
    return {
      end: (tookMs, endMs) => {
        for (const { flow, share } of shares) flow.end((tookMs - expectedMs) * share, endMs);
      },
    };
  }

  /**
   * What workers have to do before so much more work of somebody begins, his own that waits included.
   *
   * @param who as of a job; without a model and a connection, a new connection to the model that most of his wait for
   */
  aheadMs(who: readonly unknown[], moreMs = 0): number {
    const path: (Flow | undefined)[] = [];
    for (const key of who) path.push(path.length === 0 ? this.root.find(key) : path.at(-1)?.find(key));
    if (path.length === 1)
      path.push(
        least(path[0]?.askers ?? [], ({ waitingMs }) => -waitingMs),
        undefined,
      );
    let aheadMs = path.at(-1)?.waitingMs ?? 0;
    for (let level = path.length - 1; level >= 0; level--) {
      const parent = level === 0 ? this.root : path[level - 1];
      if (parent === undefined) continue;
      const own = path[level];
      const untilMs = (own?.startMs ?? parent.newcomersMs) + aheadMs + moreMs;
      for (const other of parent.askers) {
        if (other === own || other.spentMs > untilMs) continue;
        aheadMs += Math.min(other.waitingMs, untilMs - other.spentMs + turnMs(path.length - 1 - level));
      }
    }
    return aheadMs;
  }

  /** The newest job that has not begun of the client who has most bytes waiting, but for one who has no more than this. */
  heaviest(client: unknown, bytes: number): T | undefined {
    const held = new Map<unknown, number>([[client, bytes]]);
    for (const { who, bytes: more } of this.entries.keys()) held.set(who[0], (held.get(who[0]) ?? 0) + more);
    const [heaviest] = least(held, ([, all]) => -all)!;
    if (heaviest === client) return undefined;
    const jobs = [...this.entries.values()].filter(
      ({ job, taken }) => job.who[0] === heaviest && taken === 0,
    );
    return jobs.at(-1)?.job;
  }

  private firstEntry(): Entry<T> | undefined {
    if (this.entries.size === 0) return undefined;
    let flow = this.root.next()!;
    for (let below = flow.next(); below !== undefined; below = flow.next()) flow = below;
    const [entry] = this.lines.get(flow)!;
    return entry;
  }

  /** Jobs of a kind, by connection. */
  private ofKind(kind: string): Line<Entry<T>>[] {
    const found: Line<Entry<T>>[] = [];
    for (const [flow, line] of this.lines) {
      const entries = [...line].filter(({ job }) => job.kind === kind);
      if (entries.length > 0) found.push({ flow, entries });
    }
    return found;
  }
}

/** A batch that runs. */
export interface Run {
  end(tookMs: number, nowMs: number): void;
}

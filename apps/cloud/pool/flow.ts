/** Who comes back after a pause is owed at most so much of what the others had meanwhile, milliseconds of work. */
const MOST_OWED_MS = 1_000;
/** Who has had nothing for so long is forgotten, and begins as one who is new. */
const FORGOTTEN_MS = 5_000;
/** Children that wait for nothing and are remembered all the same. */
const MOST_ABSENT = 64;
/** Of the newest pause in the mean pause. */
const PAUSE_WEIGHT = 0.3;

/**
 * One who takes turns with its siblings: a client, a model of this client, or a connection that asks for it. What each
 * has had is counted in milliseconds of a worker, and the turn is that of the one who has had least (start-time fair
 * queueing, Goyal, Vin and Cheng 1996, on every level of a tree). Nobody is paid for not asking: who is new begins where
 * its siblings are.
 */
export class Flow {
  readonly parent: Flow | null;
  /** From here up to the child of the root. */
  readonly path: readonly Flow[];
  private readonly key: unknown;
  /** What it has had, on the scale of its siblings. */
  spentMs: number;
  /** Jobs below it that wait, and what they are expected to take. */
  waiting = 0;
  waitingMs = 0;
  /** Images below it in the batch that is being put together. */
  planned = 0;
  /** Parts of jobs below it that run. */
  private running = 0;
  /** When the last of these is expected to end, and when one ended last. */
  private runsUntilMs = 0;
  private endedMs = Number.NaN;
  /** From an end to the next job, in the mean. */
  private pauseMs = Number.NaN;
  private isPaused = false;
  /** Its last turn, and what it had in it. */
  private turn = -1;
  private turnMs = 0;
  /** What the child had had whose turn was last: where those begin that are new. */
  private clockMs = 0;
  private readonly children = new Map<unknown, Flow>();
  /** Children with jobs that wait, in the order in which they began to; and those without, as they fell idle. */
  private readonly asking = new Set<Flow>();
  private readonly absent = new Set<Flow>();

  constructor(parent: Flow | null = null, key: unknown = null) {
    this.parent = parent;
    this.key = key;
    this.path = parent === null ? [] : [this, ...parent.path];
    this.spentMs = parent?.clockMs ?? 0;
  }

  /** A child, made if there is none. */
  child(key: unknown): Flow {
    const known = this.children.get(key);
    if (known !== undefined) return known;
    const made = new Flow(this, key);
    this.children.set(key, made);
    this.absent.add(made);
    return made;
  }

  find(key: unknown): Flow | undefined {
    return this.children.get(key);
  }

  /** Whose turn it is: the child that has had least, and of equals the one that has waited longest. */
  next(): Flow | undefined {
    return least(this.asking, ({ spentMs }) => spentMs);
  }

  /** Children that ask. */
  get askers(): ReadonlySet<Flow> {
    return this.asking;
  }

  /** Children without a job that waits, of whom it is known when they come back. */
  *expected(): Generator<Flow> {
    for (const flow of this.absent) if (!Number.isNaN(flow.pauseMs)) yield flow;
  }

  /** Where one begins that comes now: nobody keeps what it was owed for long. */
  get startMs(): number {
    return this.parent === null ? 0 : Math.max(this.spentMs, this.parent.clockMs - MOST_OWED_MS);
  }

  /** Where a child begins that there is not yet. */
  get newcomersMs(): number {
    return this.clockMs;
  }

  /** A job is there that waits. */
  arrive(workMs: number, nowMs: number): void {
    for (const flow of this.path) {
      if (flow.waiting === 0) flow.comeBack(nowMs);
      flow.waiting++;
      flow.waitingMs += workMs;
    }
  }

  /** A job waits no more: all of it runs, or it has been given up. */
  depart(nowMs: number): void {
    for (const flow of this.path) {
      flow.waiting--;
      if (flow.waiting > 0) continue;
      // Sums of floats do not come back to zero by themselves.
      flow.waitingMs = 0;
      flow.parent!.asking.delete(flow);
      flow.parent!.absent.add(flow);
      flow.parent!.forget(nowMs);
    }
  }

  /** A part of a job that waits is taken, or is given up. */
  shrink(workMs: number): void {
    for (const flow of this.path) flow.waitingMs -= workMs;
  }

  /**
   * It has a turn, or a part of one.
   *
   * @param turn the same for all that run together
   */
  begin(turn: number, workMs: number, untilMs: number): void {
    for (const flow of this.path) {
      flow.parent!.clockMs = Math.max(flow.parent!.clockMs, flow.spentMs);
      flow.spentMs += workMs;
      flow.turnMs = (flow.turn === turn ? flow.turnMs : 0) + workMs;
      flow.turn = turn;
      flow.running++;
      flow.runsUntilMs = Math.max(flow.runsUntilMs, untilMs);
    }
  }

  /** What ran has ended. @param overMs what it took beyond what was expected when it began */
  end(overMs: number, nowMs: number): void {
    for (const flow of this.path) {
      flow.spentMs += overMs;
      flow.running--;
      flow.endedMs = nowMs;
      flow.isPaused = true;
    }
  }

  /** When one comes back who waits for nothing, as far as can be expected: one who is late stays away as long again. */
  returnsMs(nowMs: number): number {
    const fromMs = this.running > 0 ? Math.max(nowMs, this.runsUntilMs) : this.endedMs;
    const dueMs = fromMs + this.pauseMs;
    return dueMs >= nowMs ? dueMs : nowMs + (nowMs - dueMs);
  }

  /**
   * Until when it pays to keep a worker for one who is about to come back: a client that sends its next request when it
   * has its answer is never there in between, and would get one turn for each of the others' (deceptive idleness, Iyer
   * and Druschel 2001).
   *
   * @param mostMs of any one
   */
  keptUntilMs(mostMs: number): number {
    const worthMs = Math.min(mostMs, this.turnMs / 2);
    return this.pauseMs <= worthMs
      ? this.endedMs + Math.min(worthMs, 2 * this.pauseMs)
      : Number.NEGATIVE_INFINITY;
  }

  private comeBack(nowMs: number): void {
    const parent = this.parent!;
    this.spentMs = this.startMs;
    parent.absent.delete(this);
    parent.asking.add(this);
    if (!this.isPaused) return;
    this.isPaused = false;
    const pauseMs = nowMs - this.endedMs;
    this.pauseMs = Number.isNaN(this.pauseMs)
      ? pauseMs
      : this.pauseMs + PAUSE_WEIGHT * (pauseMs - this.pauseMs);
  }

  private forget(nowMs: number): void {
    for (const flow of this.absent) {
      const isOld = flow.running === 0 && !(nowMs - flow.endedMs < FORGOTTEN_MS);
      if (!isOld && this.absent.size <= MOST_ABSENT) return;
      this.absent.delete(flow);
      this.children.delete(flow.key);
    }
  }
}

/** The first of those of which something is least. */
export function least<T>(items: Iterable<T>, of: (item: T) => number): T | undefined {
  let best: T | undefined;
  let bestValue = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = of(item);
    if (best === undefined || value < bestValue) [best, bestValue] = [item, value];
  }
  return best;
}

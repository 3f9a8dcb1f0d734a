/** A download waits so long for what goes before it at most: frames may follow each other without a pause. */
const PATIENCE_MS = 10_000;
/** How often it is told that bytes have arrived. */
const TELL_MS = 200;
/** Fewer bytes say nothing of a rate. */
const LEAST_MEASURED_BYTES = 8 << 10;

export interface TrafficListener {
  /** A download is on the wire, or none any more. */
  onWire(isOn: boolean): void;
  /** Bytes of one have arrived: the service lives, whatever replies do. */
  onArrival(): void;
}

/**
 * Who uses the link to the service: images go first, then probes, then downloads. What is fetched lies in the way of
 * replies, and on a slow link for seconds: so downloads wait, and say when they were on the wire.
 */
export class Traffic {
  listener: TrafficListener | null = null;
  private readonly now: () => number;
  private holders = 0;
  private readonly waiting = new Set<() => void>();
  private onWire = 0;
  private endedMs = Number.NEGATIVE_INFINITY;
  private arrivedMs = Number.NEGATIVE_INFINITY;
  private toldMs = Number.NEGATIVE_INFINITY;
  private bytesPerMs_ = Number.POSITIVE_INFINITY;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  /** Whether somebody goes before downloads now. */
  get isHeld(): boolean {
    return this.holders > 0;
  }

  /** Holds downloads back. @returns lets them go on; to call it again does nothing */
  hold(): () => void {
    this.holders += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.holders -= 1;
      if (this.holders === 0) for (const go of [...this.waiting]) go();
    };
  }

  /** Resolves when nobody holds downloads back, or after so long that one may go all the same. */
  async free(): Promise<void> {
    if (!this.isHeld) return;
    await new Promise<void>((done) => {
      const go = (): void => {
        clearTimeout(timer);
        this.waiting.delete(go);
        done();
      };
      const timer = setTimeout(go, PATIENCE_MS);
      this.waiting.add(go);
    });
  }

  /** A download goes on the wire. @returns it is off the wire again; to call it again does nothing */
  begin(): () => void {
    this.onWire += 1;
    if (this.onWire === 1) this.listener?.onWire(true);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.onWire -= 1;
      this.endedMs = this.now();
      if (this.onWire === 0) this.listener?.onWire(false);
    };
  }

  /** Bytes of a download have arrived. */
  arrived(): void {
    this.arrivedMs = this.now();
    if (this.arrivedMs - this.toldMs < TELL_MS) return;
    this.toldMs = this.arrivedMs;
    this.listener?.onArrival();
  }

  /** How fast the latest download came; infinite before any. */
  get bytesPerMs(): number {
    return this.bytesPerMs_;
  }

  /** So many bytes came within so long of asking for them. */
  measured(bytes: number, ms: number): void {
    if (bytes >= LEAST_MEASURED_BYTES) this.bytesPerMs_ = bytes / Math.max(ms, 1);
  }

  /** Whether a download was on the wire at that time or later. */
  wasOnSince(sinceMs: number): boolean {
    return this.onWire > 0 || this.endedMs >= sinceMs;
  }

  /** When bytes arrived last. */
  get heardMs(): number {
    return this.arrivedMs;
  }
}

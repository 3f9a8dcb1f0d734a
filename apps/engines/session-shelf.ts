/** A session that is open. */
export interface Shelved {
  /** Of its model: what it takes is about as much. */
  readonly bytes: number;
  /** It runs: it must not be closed. */
  isRunning: boolean;
  /** Forgets and closes it; what it did will be done without. */
  readonly drop: () => void;
}

/** The sessions of one thread, within a bound of bytes, and when it has nothing else to do. */
export class SessionShelf {
  private readonly maxBytes: number;
  /** The least recently used first. */
  private readonly sessions = new Set<Shelved>();
  private bytes = 0;
  private running = 0;
  private restsSinceMs = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Puts one there, for which the least recently used ones go. */
  add(session: Shelved): void {
    this.sessions.add(session);
    this.bytes += session.bytes;
    for (const other of this.sessions) {
      if (this.bytes <= this.maxBytes) return;
      if (other !== session && !other.isRunning) other.drop();
    }
  }

  remove(session: Shelved): void {
    if (this.sessions.delete(session)) this.bytes -= session.bytes;
  }

  /** It is the most recently used one now. */
  use(session: Shelved): void {
    this.sessions.delete(session);
    this.sessions.add(session);
  }

  /** Runs something that somebody waits for. */
  async busy<T>(run: () => Promise<T>): Promise<T> {
    this.running++;
    try {
      return await run();
    } finally {
      this.running--;
      this.restsSinceMs = performance.now();
    }
  }

  /** Whether nothing runs, nor has for so long. */
  rests(ms: number): boolean {
    return this.running === 0 && performance.now() - this.restsSinceMs >= ms;
  }
}

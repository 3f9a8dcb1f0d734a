/** Wakes who waits: when something has happened, or the time has come. */
export class Bell {
  private wake: () => void = () => {};
  private hasRung = false;

  ring(): void {
    this.hasRung = true;
    this.wake();
  }

  /** Resolves with the next ring, at once if it has rung since the last wait, and after so long at the latest. */
  async wait(ms: number): Promise<void> {
    if (!this.hasRung) {
      await new Promise<void>((done) => {
        const timer = ms < LONGEST_MS ? setTimeout(done, Math.max(0, ms)) : undefined;
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
    this.wake = () => {};
    this.hasRung = false;
  }
}

/** Timers know no longer time. */
const LONGEST_MS = 2 ** 31 - 1;

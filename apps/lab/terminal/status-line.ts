export interface StatusLine {
  /** What goes on now: one line that redraws itself on a terminal, elsewhere one now and then. */
  update(text: string): void;
  /** Something worth its own line. */
  note(text: string): void;
}

/** The part of a stream that is written to. */
export interface LineOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const PLAIN_INTERVAL_MS = 30_000;
const CLEAR_LINE = "\r\x1b[K";

/** @param nowMs a clock, in milliseconds from any start */
export function makeStatusLine(out: LineOutput, nowMs: () => number): StatusLine {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    update(text) {
      if (out.isTTY) out.write(`${CLEAR_LINE}${text}`);
      else if (nowMs() - lastMs >= PLAIN_INTERVAL_MS) {
        lastMs = nowMs();
        out.write(`${text}\n`);
      }
    },
    note: (text) => void out.write(`${out.isTTY ? CLEAR_LINE : ""}${text}\n`),
  };
}

const BAR_WIDTH = 24;

/** @param share 0..1 */
export function bar(share: number): string {
  const filled = Math.round(Math.min(1, share) * BAR_WIDTH);
  return `[${"#".repeat(filled)}${".".repeat(BAR_WIDTH - filled)}]`;
}

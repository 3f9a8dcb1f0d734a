import type { Direction, Trace } from "./trace.ts";
import type { Line } from "./trace-text.ts";

/** One way to write a trace down. */
export interface TraceFormat {
  /** Folders that hold files of it; `--format` takes them, or their first words. */
  readonly folders: readonly string[];
  /** Endings of file names that no other format has. */
  readonly endings: readonly string[];
  /** What a line holds, for help and errors. */
  readonly content: string;
  /** Whether a file that begins so can be of no other format. */
  isSurely(first: Line): boolean;
  /** @throws EddiError `bad-argument` with file and line */
  read(lines: readonly Line[]): Measured;
}

export interface Measured extends Pick<Trace, "steps" | "rtt"> {
  readonly direction: Direction;
}

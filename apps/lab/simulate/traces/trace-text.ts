import { EddiError } from "#shared/errors";

/** A line of a trace, and where it stands. */
export interface Line {
  readonly file: string;
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a file, without the blank ones at its end.
 *
 * @throws EddiError `bad-argument` for a file without any
 */
export function linesOf(file: string, text: string): readonly Line[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  while (lines.length > 0 && lines.at(-1)!.trim() === "") lines.pop();
  if (lines.length === 0) refuse({ file, number: 1, text: "" }, "a trace", "an empty file");
  return lines.map((line, at) => ({ file, number: at + 1, text: line.trim() }));
}

/**
 * A number of 0 or above.
 *
 * @param what with its unit, for the error, such as `"bandwidth in Mbit/s"`
 * @param scale what it is multiplied by, and must remain finite
 */
export function amountOf(line: Line, what: string, text: string | undefined, scale = 1): number {
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text ?? "");
  const value = isNumber ? Number(text) * scale : Number.NaN;
  if (Number.isFinite(value) && value >= 0) return value;
  return refuse(line, `${what}, a number of 0 or above`, text ?? "nothing");
}

/** @throws EddiError `bad-argument` with file and line, what was expected and what came */
export function refuse({ file, number }: Line, expected: string, came: string): never {
  const shown = came.length > 80 ? `${came.slice(0, 80)}...` : came;
  throw new EddiError("bad-argument", `${file}, line ${number}: expected ${expected}, got ${shown}`);
}

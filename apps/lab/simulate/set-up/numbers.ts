import { EddiError } from "#shared/errors";

/**
 * Reads a number that an option gives.
 *
 * @throws EddiError `bad-argument` naming the option
 */
export function inRange(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new EddiError("bad-argument", `${option}: expected a number from ${least} to ${most}, got ${text}`);
}

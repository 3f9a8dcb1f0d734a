import { EddiError } from "#shared/errors";

/**
 * Reads an option of a command.
 *
 * @param text as given on the command line
 * @throws EddiError `bad-argument` naming the option
 */
export function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new EddiError("bad-argument", `${option}: expected a whole number of at least ${least}, got ${text}`);
}

/** @throws EddiError `bad-argument` naming the option */
export function numberFrom(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= least && value <= most) return value;
  throw new EddiError("bad-argument", `${option}: expected a number from ${least} to ${most}, got ${text}`);
}

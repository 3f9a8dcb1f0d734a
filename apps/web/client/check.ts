import { EddiError } from "#shared/errors";

/** What checks of what an app hands in are made of: each gives the value, or says what was expected and what came. */

export function checkRecord(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw bad(name, "an object", value);
}

export function checkNumber(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw bad(name, `${least} to ${most}`, value);
}

export function checkInteger(name: string, value: unknown, most: number): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most) return value as number;
  throw bad(name, `a whole number from 1 to ${most}`, value);
}

export function checkOneOf<T>(name: string, values: readonly T[], value: unknown): T {
  const found = values.find((one) => one === value);
  if (found !== undefined) return found;
  throw bad(name, `one of ${values.join(", ")}`, value);
}

export function checkSwitch(name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw bad(name, "true or false", value);
}

export function checkNames(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) throw bad(name, "names", value);
}

export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== "function") throw bad(name, "a function", value);
}

/** @param others what is left of a record once all that it may hold is taken out */
export function checkNothing(name: string, others: object, expected: readonly string[]): void {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new EddiError("bad-argument", `${name}: expected ${expected}, got ${unknown}`);
}

export function bad(name: string, expected: string, came: unknown): EddiError {
  return new EddiError("bad-argument", `${name}: expected ${expected}, got ${shown(came).slice(0, 80)}`);
}

/** Text that could be taken for something else is quoted. */
function shown(came: unknown): string {
  if (typeof came === "string") return /^[a-z]/i.test(came) ? came : JSON.stringify(came);
  if (typeof came !== "object" || came === null) return String(came);
  return came.constructor?.name ?? "an object";
}

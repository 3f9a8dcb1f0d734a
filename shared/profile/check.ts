import { EddiError } from "#shared/errors";

// Checks of what is read from JSON; `field` says where, such as `profile, nodeMs.stem`.

export function record(value: unknown, field: string): Record<string, unknown> {
  expect(typeof value === "object" && value !== null && !Array.isArray(value), field, "an object", value);
  return value as Record<string, unknown>;
}

/** Checks that these fields of an object are numbers of 0 or above. */
export function expectTimes(object: Record<string, unknown>, field: string, names: readonly string[]): void {
  for (const name of names) {
    expect(isTime(object[name]), `${field}${name}`, "a number of 0 or above", object[name]);
  }
}

export const isName = (value: unknown): boolean => typeof value === "string" && value.length > 0;
const isTime = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0;

/** @throws EddiError `bad-profile` unless it holds, naming the field, what was expected and what came */
export function expect(holds: boolean, field: string, expected: string, came: unknown): void {
  if (holds) return;
  const shown = (JSON.stringify(came) ?? "nothing").slice(0, 80);
  throw new EddiError("bad-profile", `${field}: expected ${expected}, got ${shown}`);
}

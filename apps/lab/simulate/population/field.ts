import { EddiError } from "#shared/errors";

/** A value read from a file, and where it stands there, such as `mine.json: radios[2].rttMs`. */
export interface Field {
  readonly value: unknown;
  readonly at: string;
}

export interface Bounds {
  readonly least?: number;
  readonly most?: number;
  /** Must be above that. */
  readonly above?: number;
}

const SUM_TOLERANCE = 1e-3;

/** A field of an object. */
export function inside({ value, at }: Field, key: string): Field {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject) refuse({ value, at }, "an object");
  const own = Object.hasOwn(value as object, key) ? (value as Record<string, unknown>)[key] : undefined;
  return { value: own, at: at.endsWith(":") ? `${at} ${key}` : `${at}.${key}` };
}

/** Of an array, empty or not. */
export function itemsOf(field: Field): readonly Field[] {
  if (!Array.isArray(field.value)) refuse(field, "an array");
  return (field.value as readonly unknown[]).map((value, i) => ({ value, at: `${field.at}[${i}]` }));
}

export function numberOf(field: Field, { least = 0, most = Number.MAX_VALUE, above }: Bounds = {}): number {
  const value = field.value as number;
  const lowest = above ?? least;
  const isInside =
    Number.isFinite(value) && value <= most && (above === undefined ? value >= least : value > above);
  if (isInside) return value;
  const range =
    most < Number.MAX_VALUE
      ? `of ${lowest} to ${most}`
      : `${above === undefined ? "of " : "above "}${lowest}`;
  return refuse(
    field,
    `a number ${range}${most === Number.MAX_VALUE && above === undefined ? " or above" : ""}`,
  );
}

/** Numbers of an object, all with the same bounds. */
export function checkNumbers(field: Field, keys: readonly string[], bounds: Bounds = {}): void {
  for (const key of keys) numberOf(inside(field, key), bounds);
}

export function nameOf(field: Field): string {
  if (typeof field.value !== "string" || field.value === "") refuse(field, "a name");
  return field.value as string;
}

/** A name that is one of these. */
export function oneOf(field: Field, known: readonly string[]): string {
  return known.includes(field.value as string)
    ? (field.value as string)
    : refuse(field, `one of ${known.join(", ")}`);
}

/** The ids of a list of objects, which differ. */
export function idsOf(list: Field): readonly string[] {
  const ids = itemsOf(list).map((item) => nameOf(inside(item, "id")));
  if (ids.length === 0) refuse(list, "a list of one or more");
  if (new Set(ids).size < ids.length) refuse({ at: list.at, value: ids }, "distinct ids");
  return ids;
}

/** A distribution: probabilities that rise in 0..1, values with them. */
export function checkQuantiles(field: Field, bounds: Bounds = { above: 0 }): void {
  const [p, q] = ["p", "q"].map((key) => inside(field, key)) as [Field, Field];
  const probabilities = itemsOf(p).map((item) => numberOf(item, { most: 1 }));
  const values = itemsOf(q).map((item) => numberOf(item, bounds));
  if (probabilities.length === 0) refuse(p, "one number or more");
  if (values.length !== probabilities.length) refuse(q, `${probabilities.length} values, one for each p`);
  if (probabilities.some((one, i) => i > 0 && one <= probabilities[i - 1]!)) refuse(p, "numbers that rise");
  if (values.some((one, i) => i > 0 && one < values[i - 1]!)) refuse(q, "values that do not fall");
}

/** A list whose weights sum to 1, one item or more. */
export function checkWeights(list: Field): readonly Field[] {
  const items = itemsOf(list);
  checkSum(
    list,
    items.map((item) => numberOf(inside(item, "weight"), { most: 1 })),
  );
  return items;
}

export function checkSum(field: Field, weights: readonly number[]): void {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (Math.abs(sum - 1) <= SUM_TOLERANCE) return;
  refuse({ at: field.at, value: Number(sum.toPrecision(6)) }, "weights that sum to 1");
}

/** @throws EddiError `bad-argument`: where, what was expected and what came */
export function refuse({ at, value }: Field, expected: string): never {
  const shown = (JSON.stringify(value) ?? "nothing").slice(0, 80);
  const where = at.endsWith(":") ? at.slice(0, -1) : at;
  throw new EddiError("bad-argument", `${where}: expected ${expected}, got ${shown}`);
}

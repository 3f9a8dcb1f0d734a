import { readFile } from "node:fs/promises";
import { EddiError } from "#shared/errors";
import type { Margin } from "./margins.ts";
import type { Report } from "./report.ts";

/** @throws EddiError `not-found` without a file, `bad-argument` for what is no report */
export async function readReport(file: string): Promise<Report> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new EddiError("not-found", `expected a report at ${file}, got none`, { cause });
  });
  let value: Partial<Report> | null;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EddiError("bad-argument", `${file}: expected a report in JSON, got something else`, { cause });
  }
  if (value?.format === 1 && Array.isArray(value.margins) && Array.isArray(value.results))
    return value as Report;
  throw new EddiError("bad-argument", `${file}: expected a report of format 1, got format ${value?.format}`);
}

/** A margin in both reports; null where one has none. */
export interface Compared {
  readonly name: string;
  readonly unit: Margin["unit"];
  readonly before: Margin["estimate"] | null;
  readonly after: Margin["estimate"] | null;
  /** The intervals do not touch. */
  readonly isClear: boolean;
}

/** Margins side by side. Against "the best" means against whoever was best then. */
export function compareReports(a: Report, b: Report): readonly Compared[] {
  const keyOf = ({ what, model, against, unit }: Margin): string =>
    `${what}, ${model}, against ${against.replace(/: .*/, "")}, ${unit}`;
  const byKey = ({ margins }: Report) => new Map(margins.map((one) => [keyOf(one), one]));
  const [before, after] = [byKey(a), byKey(b)];
  return [...new Set([...before.keys(), ...after.keys()])].map((name): Compared => {
    const [one, other] = [before.get(name)?.estimate ?? null, after.get(name)?.estimate ?? null];
    const unit = (before.get(name) ?? after.get(name))!.unit;
    const isClear = one !== null && other !== null && (one.high < other.low || other.high < one.low);
    return { name, unit, before: one, after: other, isClear };
  });
}

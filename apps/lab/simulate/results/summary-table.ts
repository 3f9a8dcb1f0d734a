import type { Summary } from "./summary.ts";

/** Policies as rows, for people. */
export function table(policies: Readonly<Record<string, Summary>>): string {
  const percent = (share: number | null): string => (share === null ? "-" : (100 * share).toFixed(1));
  const ms = (value: number | null): string => (value === null ? "-" : value.toFixed(0));
  const rows = Object.entries(policies).map(([name, s]) => [
    name,
    percent(s.accuracyInTime),
    percent(s.inTime),
    percent(s.accuracy),
    ms(s.meanMs),
    ms(s.p95Ms),
    s.fps === null ? "-" : s.fps.toFixed(1),
    percent(s.twice),
    percent(s.innerCut),
    percent(s.p95Exceeded),
  ]);
  const all = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  ");
  return `${all.map(line).join("\n")}\n`;
}

const HEADINGS = [
  "policy",
  "right in time %",
  "in time %",
  "right %",
  "mean ms",
  "p95 ms",
  "fps",
  "twice %",
  "inner %",
  "p95 exceeded %",
] as const;

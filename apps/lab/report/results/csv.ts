import type { CellResult } from "./cell.ts";
import { quantileMs } from "./sums.ts";

/** One line for each cell and policy, for tools of one's own. */
export function toCsv(results: readonly CellResult[]): string {
  const names = [...new Set(results.flatMap(({ cell }) => Object.keys(cell.at)))].sort();
  const lines = results.flatMap((result) => {
    const { cell, tallies } = result;
    return Object.entries(tallies).map(([policy, tally]) => {
      const { times, ...sums } = tally;
      const mean = times.reduce((sum, one) => sum + one, 0) / (1000 * times.length);
      const known = times.length > 0;
      return [
        cell.study,
        cell.model,
        ...names.map((name) => cell.at[name] ?? ""),
        cell.weight,
        cell.seed,
        policy,
        ...SUMS.map((name) => sums[name] ?? ""),
        known ? mean.toFixed(2) : "",
        ...QUANTILES.map((share) => (known ? quantileMs([result], policy, share).toFixed(2) : "")),
      ];
    });
  });
  const times = ["meanMs", ...QUANTILES.map((share) => `p${100 * share}Ms`)];
  const head = ["study", "model", ...names, "weight", "seed", "policy", ...SUMS, ...times];
  return `${[head, ...lines].map((line) => line.map(quoted).join(",")).join("\n")}\n`;
}

const SUMS = [
  "answers",
  "inTime",
  "right",
  "rightInTime",
  "twice",
  "inner",
  "foretold",
  "exceeded",
  "edgeMs",
  "sentBytes",
  "fps",
] as const;
const QUANTILES = [0.5, 0.95, 0.99];

function quoted(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

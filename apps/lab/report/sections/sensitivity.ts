import { ASSUMPTIONS } from "../cells/assumptions.ts";
import { IN_SENSITIVITY, WORK_SCALES } from "../cells/list-cells.ts";
import { bootstrap } from "../results/bootstrap.ts";
import type { CellResult } from "../results/cell.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, section } from "./html.ts";

const TRIVIAL = ["edge-only", "cloud-webp+insured"];

/** What becomes of the result where the population is another than assumed. */
export function sensitivitySection({ results }: Report): string {
  const [first] = cellsOf(results, "sensitivity");
  if (first === undefined) return "";
  const { model } = first.cell;
  const scaled = (scale: number): readonly CellResult[] =>
    cellsOf(results, "population", model).filter(({ cell }) => cell.workScale === scale);
  const rows: readonly (readonly [string, readonly CellResult[]])[] = [
    ...WORK_SCALES.map(
      (scale) => [scale === 1 ? "as it is" : `${scale} times the work`, scaled(scale)] as const,
    ),
    ...ASSUMPTIONS.map(
      ({ name }) =>
        [name, cellsOf(results, "sensitivity").filter(({ cell }) => cell.at.assumption === name)] as const,
    ),
  ];
  return section(
    `If the population were another (${model})`,
    "Its weakest assumptions, by its own account, each made otherwise; right in time, percent, and how far EDDI is ahead of the better trivial policy, with 95 % intervals.",
    htmlTable(
      ["", ...IN_SENSITIVITY, "ahead", "95 % interval"],
      rows.map(([name, cells]) => row(name, cells)),
    ),
  );
}

function row(name: string, cells: readonly CellResult[]): readonly Cell[] {
  const share = (own: readonly CellResult[], policy: string): number => shareOf(own, policy, rightInTime);
  const best = TRIVIAL.reduce((a, b) => (share(cells, b) > share(cells, a) ? b : a));
  const { value, low, high } = bootstrap(cells, (own) => 100 * (share(own, "eddi") - share(own, best)));
  return [
    name,
    ...IN_SENSITIVITY.map((policy) => (100 * share(cells, policy)).toFixed(1)),
    { text: value.toFixed(1), as: value < 0 ? "bad" : "good" },
    `${low.toFixed(1)} to ${high.toFixed(1)}`,
  ];
}

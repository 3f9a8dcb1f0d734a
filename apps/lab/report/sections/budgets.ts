import { BUDGETS_MS, SLOWDOWNS } from "../cells/list-cells.ts";
import { type Axis, type Line, linePlot } from "../plots/line-plot.ts";
import type { Tally } from "../results/cell.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, inTime, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, plots, section } from "./html.ts";
import { legendOf, linesOver, percent } from "./lines.ts";

const BUDGET_LINES = [
  "eddi",
  "edge-only",
  "cloud-jpeg",
  "cloud-webp+insured",
  "edgent",
  "spinn",
  "spinn+insured",
  "qdmp",
  "clairvoyant",
];

const BUDGET: Axis = { label: "budget, ms", isLog: true, ticks: [10, 20, 60, 150, 300, 600, 1000] };
const RIGHT: Axis = {
  label: "right in time, %",
  isLog: false,
  ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
  name: percent,
};

export function budgetsSection({ results, made }: Report): string {
  const drawn = made.models.flatMap((model) =>
    SLOWDOWNS.map((slowdown) => {
      const cells = cellsOf(results, "budgets", model).filter(({ cell }) => cell.at.slowdown === slowdown);
      const lines = linesOver(cells, BUDGET_LINES, "budgetMs", (own, policy) =>
        shareOf(own, policy, rightInTime),
      );
      return linePlot({ title: `${model}, phone x${slowdown}`, x: BUDGET, y: RIGHT, lines });
    }),
  );
  const also = made.models.flatMap((model) => {
    const cells = cellsOf(results, "budgets", model);
    const over = (part: (tally: Tally) => number): readonly Line[] =>
      linesOver(cells, BUDGET_LINES, "budgetMs", (own, policy) => shareOf(own, policy, part));
    return [
      linePlot({
        title: `${model}: right, late or not`,
        x: BUDGET,
        y: { ...RIGHT, label: "right, %" },
        lines: over(({ right }) => right),
      }),
      linePlot({
        title: `${model}: missed`,
        x: BUDGET,
        y: { ...RIGHT, label: "not in time, %" },
        lines: over(({ answers, inTime: kept }) => answers - kept),
      }),
    ];
  });
  const rows = made.models.flatMap((model) =>
    BUDGETS_MS.map((budgetMs): Cell[] => {
      const cells = cellsOf(results, "budgets", model).filter(({ cell }) => cell.at.budgetMs === budgetMs);
      const of = (policy: string): string => (100 * shareOf(cells, policy, rightInTime)).toFixed(1);
      return [
        `${model}, ${budgetMs} ms`,
        ...BUDGET_LINES.map(of),
        (100 * shareOf(cells, "eddi", inTime)).toFixed(1),
        (100 * shareOf(cells, "eddi", ({ right }) => right)).toFixed(1),
        (100 * shareOf(cells, "eddi", ({ twice }) => twice)).toFixed(1),
      ];
    }),
  );
  return section(
    "Accuracy in time against the budget",
    "Share of photos that are answered rightly and within the budget, in percent; late counts as wrong. Mean over all traces.",
    legendOf(BUDGET_LINES),
    plots(drawn),
    `<details><summary>Plain accuracy and miss rate, all slow-downs together</summary>${plots(also)}</details>`,
    `<details><summary>Numbers, all slow-downs together</summary>${htmlTable(
      ["", ...BUDGET_LINES, "EDDI in time", "EDDI right", "EDDI twice"],
      rows,
    )}</details>`,
  );
}

/** Of one model, all traces and slow-downs from 4 on together. */
export function budgetPlot({ results }: Report, model: string, policies: readonly string[]): string {
  const cells = cellsOf(results, "budgets", model).filter(({ cell }) => Number(cell.at.slowdown) >= 4);
  const lines = linesOver(cells, policies, "budgetMs", (own, policy) => shareOf(own, policy, rightInTime));
  return linePlot({ title: `${model}: right in time, %`, x: BUDGET, y: RIGHT, lines });
}

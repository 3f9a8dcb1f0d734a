import { marginsPlot } from "../plots/margins-plot.ts";
import { bootstrap } from "../results/bootstrap.ts";
import { type Margin, rowsOf } from "../results/margins.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, section } from "./html.ts";

/** All margins, good and bad, and the rows in which EDDI is behind. */
export function marginsSection({ margins, results, made }: Report): string {
  const behind = rowsBehind(results);
  const tableOf = (model: string): string => marginsTable(margins.filter((one) => one.model === model));
  return section(
    "Margins",
    "How far EDDI is ahead, with 95 % intervals by bootstrap over sessions. The best of a group is the one that did best in the same run. Accuracy: slow-downs 4 to 20, budgets 60 to 600 ms, all traces. Latency and speed-up: geometric means over uplinks and over cloud capacity. Behind the clairvoyant is the regret; how far that one is ahead of the same rival is all there was to gain.",
    marginsPlot(margins.filter(({ model }) => model === "all")),
    tableOf("all"),
    ...made.models.map((model) => `<details><summary>${model}</summary>${tableOf(model)}</details>`),
    behind.length === 0
      ? "<p>In no row of model, slow-down and budget EDDI is behind the best trivial policy by more than its interval.</p>"
      : `<p>Rows in which EDDI is behind the best trivial policy by more than its interval:</p>${htmlTable(
          ["row", "against", "points", "95 % interval"],
          behind,
          "stacks",
        )}`,
  );
}

function marginsTable(margins: readonly Margin[]): string {
  const rows = margins.map(({ what, against, unit, estimate, aim, ceiling }): Cell[] => [
    what,
    { text: against, as: "left" },
    shown(estimate.value, unit),
    `${shown(estimate.low, unit)} to ${shown(estimate.high, unit)}`,
    ceiling === null ? "" : shown(ceiling, unit),
    aim === null ? "" : shown(aim, unit),
    ...verdict({ estimate, aim, ceiling }),
  ]);
  return htmlTable(
    ["", "against", "EDDI is ahead by", "95 % interval", "clairvoyant", "aim", "reached"],
    rows,
    "stacks",
  );
}

/** Whether an aim is reached, and if not why. */
function verdict({ estimate, aim, ceiling }: Pick<Margin, "estimate" | "aim" | "ceiling">): readonly Cell[] {
  if (aim === null) return [""];
  if (estimate.value >= aim) return [{ text: "yes", as: "good" }];
  const why = ceiling !== null && ceiling < aim ? "no: nobody could" : "no: it was there to be had";
  return [{ text: ceiling === null ? "no" : why, as: "bad" }];
}

const TRIVIAL = ["edge-only", "cloud-jpeg", "cloud-webp+insured"];

function rowsBehind(results: Report["results"]): readonly (readonly Cell[])[] {
  return [...rowsOf(cellsOf(results, "budgets"))].flatMap(([name, cells]) => {
    const share = (own: typeof cells, policy: string): number => shareOf(own, policy, rightInTime);
    const best = TRIVIAL.reduce((a, b) => (share(cells, b) > share(cells, a) ? b : a));
    const ahead = bootstrap(cells, (own) => 100 * (share(own, "eddi") - share(own, best)));
    if (ahead.high >= 0) return [];
    const { value, low, high } = ahead;
    return [
      [
        name,
        { text: best, as: "left" as const },
        value.toFixed(1),
        `${low.toFixed(1)} to ${high.toFixed(1)}`,
      ],
    ];
  });
}

function shown(value: number, unit: Margin["unit"]): string {
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  return `${sign}${Math.abs(value).toFixed(1)}${unit === "%" ? " %" : ""}`;
}

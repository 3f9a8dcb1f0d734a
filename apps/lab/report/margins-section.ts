import { bootstrap } from "./bootstrap.ts";
import { type Cell, htmlTable, section } from "./html.ts";
import { type Margin, rowsOf } from "./margins.ts";
import type { Report } from "./report.ts";
import { cellsOf, rightInTime, shareOf } from "./sums.ts";

/** All margins, good and bad, and the rows in which EDDI is behind. */
export function marginsSection({ margins, results }: Report): string {
  const rows = margins.map((margin): Cell[] => {
    const { what, model, against, unit, estimate, aim } = margin;
    return [
      what,
      { text: model, as: "left" },
      { text: against, as: "left" },
      shown(estimate.value, unit),
      `${shown(estimate.low, unit)} to ${shown(estimate.high, unit)}`,
      aim === null ? "" : shown(aim, unit),
      aim === null
        ? ""
        : {
            text: estimate.value >= aim ? "reached" : "not reached",
            as: estimate.value >= aim ? "good" : "bad",
          },
    ];
  });
  const behind = rowsBehind(results);
  return section(
    "Margins",
    "How far EDDI is ahead, with 95 % intervals by bootstrap over sessions. The best of a group is the one that did best in the same run. Accuracy: slow-downs 4 to 20, budgets 60 to 600 ms, all traces. Latency and speed-up: geometric means over uplinks and over cloud capacity. Behind the clairvoyant is the regret.",
    htmlTable(["", "model", "against", "EDDI is ahead by", "95 % interval", "aim", ""], rows),
    behind.length === 0
      ? "<p>In no row of model, slow-down and budget EDDI is behind the best trivial policy by more than its interval.</p>"
      : `<p>Rows in which EDDI is behind the best trivial policy by more than its interval:</p>${htmlTable(
          ["row", "against", "points", "95 % interval"],
          behind,
        )}`,
  );
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

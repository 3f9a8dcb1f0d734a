import type { Report } from "../results/report.ts";
import { cellsOf, inTime, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, section } from "./html.ts";

export function tracesSection({ results, made }: Report): string {
  const cells = cellsOf(results, "budgets");
  const rows = made.traces.map((trace): Cell[] => {
    const own = cells.filter(({ cell }) => cell.at.trace === trace);
    const of = (policy: string): string => (100 * shareOf(own, policy, rightInTime)).toFixed(1);
    const exceeded =
      100 *
      shareOf(
        own,
        "eddi",
        (tally) => tally.exceeded,
        (tally) => tally.foretold,
      );
    return [
      trace,
      ...["eddi", "edge-only", "cloud-webp+insured", "spinn+insured", "clairvoyant"].map(of),
      (100 * shareOf(own, "eddi", inTime)).toFixed(1),
      { text: exceeded.toFixed(1), as: exceeded > 7 ? "bad" : "good" },
    ];
  });
  return section(
    "Every trace",
    "Right in time, percent, over all models, slow-downs and budgets; and how often EDDI's predicted 95 % quantile of the planned way is exceeded, which should be 5 %.",
    htmlTable(
      [
        "trace",
        "eddi",
        "edge-only",
        "cloud-webp+insured",
        "spinn+insured",
        "clairvoyant",
        "EDDI in time",
        "p95 exceeded",
      ],
      rows,
    ),
  );
}

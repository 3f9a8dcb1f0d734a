import type { Report } from "../results/report.ts";
import { cellsOf, inTime, msOfCell, policiesOf, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, section } from "./html.ts";

export function ablationsSection({ results }: Report): string {
  const cells = cellsOf(results, "ablations");
  const rows = policiesOf(cells).map((policy): Cell[] => {
    const share = (part: Parameters<typeof shareOf>[2]): string =>
      (100 * shareOf(cells, policy, part)).toFixed(1);
    const points = 100 * (shareOf(cells, policy, rightInTime) - shareOf(cells, "eddi", rightInTime));
    const mean = cells.reduce((sum, cell) => sum + msOfCell(cell, policy), 0) / cells.length;
    return [
      policy,
      share(rightInTime),
      policy === "eddi" ? "" : { text: points.toFixed(1), as: points < 0 ? "bad" : "good" },
      share(inTime),
      share(({ twice }) => twice),
      mean.toFixed(0),
    ];
  });
  return section(
    `What each part is worth (${cells[0]?.cell.model ?? ""})`,
    "EDDI without one of its parts: slow-downs 4 and 10, budgets 150, 300 and 600 ms, all traces; percent. No change: RTT and uplink are means over all that was found so far, as if the link never became another. Layer sums: times of nodes that each were timed alone, added up, which is what others profile by.",
    htmlTable(["", "right in time", "points", "in time", "twice", "mean ms"], rows),
  );
}

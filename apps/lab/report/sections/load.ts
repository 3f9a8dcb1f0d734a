import { type Axis, linePlot } from "../plots/line-plot.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, fpsOfCell } from "../results/sums.ts";
import { plots, section } from "./html.ts";
import { legendOf, linesOver, UPLINK } from "./lines.ts";

const LOAD_LINES = [
  "eddi",
  "edge-only-last",
  "cloud-jpeg",
  "dads-heavy",
  "dads-heavy-corrected",
  "qdmp",
  "clairvoyant",
];

export function loadSection({ results, made }: Report): string {
  const y: Axis = { label: "frames a second", isLog: true, ticks: [0.1, 0.3, 1, 3, 10, 30, 60] };
  const drawn = made.models.map((model) =>
    linePlot({
      title: `${model}: frames a second`,
      x: UPLINK,
      y,
      lines: linesOver(cellsOf(results, "load", model), LOAD_LINES, "uplinkMbps", (own, policy) =>
        fpsOfCell(own[0]!, policy),
      ),
    }),
  );
  return section(
    "Throughput under load",
    "Frames come 60 times a second, six are under way at most, others are dropped: what is answered a second is what a policy sustains.",
    legendOf(LOAD_LINES),
    plots(drawn),
  );
}

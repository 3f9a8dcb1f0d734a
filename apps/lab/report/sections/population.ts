import { WORK_SCALES } from "../cells/list-cells.ts";
import { type Axis, type Line, linePlot } from "../plots/line-plot.ts";
import type { CellResult } from "../results/cell.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, inTime, meanMs, policiesOf, quantileMs, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, plots, section } from "./html.ts";
import { colorOf, legendOf, percent } from "./lines.ts";

export function populationSection({ results, made }: Report): string {
  const tables = made.models.flatMap((model) =>
    WORK_SCALES.flatMap((workScale) => {
      const cells = cellsOf(results, "population", model).filter(({ cell }) => cell.workScale === workScale);
      if (cells.length === 0) return [];
      const share = (policy: string, part: Parameters<typeof shareOf>[2]): string =>
        (100 * shareOf(cells, policy, part)).toFixed(1);
      const answered = (policy: string): readonly CellResult[] =>
        cells.filter(({ tallies }) => tallies[policy]!.times.length > 0);
      const rows = [...policiesOf(cells)]
        .sort((a, b) => shareOf(cells, b, rightInTime) - shareOf(cells, a, rightInTime))
        .map((policy): Cell[] => [
          policy,
          share(policy, rightInTime),
          share(policy, inTime),
          share(policy, ({ right }) => right),
          meanMs(answered(policy), policy).toFixed(0),
          quantileMs(answered(policy), policy, 0.5).toFixed(0),
          quantileMs(answered(policy), policy, 0.95).toFixed(0),
          quantileMs(answered(policy), policy, 0.99).toFixed(0),
          share(policy, ({ twice }) => twice),
          share(policy, ({ inner }) => inner),
        ]);
      return [
        `<h3>${model}${workScale === 1 ? "" : `, ${workScale} times the work`}</h3>${htmlTable(
          [
            "policy",
            "right in time",
            "in time",
            "right",
            "mean ms",
            "p50",
            "p95",
            "p99",
            "twice",
            "inner cut",
          ],
          rows,
        )}`,
      ];
    }),
  );
  return section(
    "The population",
    "All policies on the fixed strata of the population, each counted by its weight, each user's own budget; percent. The choice of net decides how much there is to gain: the same exits with four and sixteen times the work stand beside.",
    legendOf(CDF_LINES),
    plots(
      made.models.map((model) =>
        linePlot({
          title: `${model}: answered within`,
          x: MS,
          y: SHARE,
          lines: cdfLines(results, model),
          hasDots: false,
        }),
      ),
    ),
    ...tables,
  );
}

const CDF_LINES = ["eddi", "edge-only", "cloud-webp", "spinn", "qdmp", "edgent", "clairvoyant"];
const MS: Axis = { label: "ms", isLog: true, ticks: [10, 30, 100, 300, 1000, 3000, 10_000] };
const SHARE: Axis = {
  label: "of answers, %",
  isLog: false,
  ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
  name: percent,
};
const CDF_POINTS = 60;

/** The distribution of latency, each user counted by weight. */
function cdfLines(results: Report["results"], model: string): readonly Line[] {
  const cells = cellsOf(results, "population", model).filter(({ cell }) => cell.workScale === 1);
  return CDF_LINES.map((policy, at) => ({
    name: policy,
    color: colorOf(policy, at),
    isDashed: policy === "clairvoyant",
    points: Array.from({ length: CDF_POINTS + 1 }, (_, point) => {
      const ms = 10 * 1000 ** (point / CDF_POINTS);
      const within = shareOf(cells, policy, ({ times }) => times.filter((one) => one <= 1000 * ms).length);
      return [ms, within] as const;
    }),
  }));
}

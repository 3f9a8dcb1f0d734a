import type { CellResult } from "./cell.ts";
import { cutMapPlot } from "./cut-map-plot.ts";
import { type Cell, htmlTable, legend, plots, section } from "./html.ts";
import { type Axis, type Line, linePlot } from "./line-plot.ts";
import { BUDGETS_MS, CLOUD_SCALES, LOADS, SLOWDOWNS, WORK_SCALES } from "./list-cells.ts";
import type { Report } from "./report.ts";
import {
  cellsOf,
  fpsOfCell,
  inTime,
  meanMs,
  msOfCell,
  policiesOf,
  quantileMs,
  rightInTime,
  shareOf,
} from "./sums.ts";

const percent = (value: number): string => `${Math.round(100 * value)}`;

/** Lines of some policies over one of the numbers that tell cells apart. */
function linesOver(
  cells: readonly CellResult[],
  policies: readonly string[],
  key: string,
  number: (own: readonly CellResult[], policy: string) => number,
): readonly Line[] {
  const places = [...new Set(cells.map(({ cell }) => Number(cell.at[key])))].sort((a, b) => a - b);
  return policies.map((name, at) => ({
    name,
    color: colorOf(name, at),
    isDashed: name === "clairvoyant",
    points: places.map((place) => {
      const own = cells.filter(({ cell }) => Number(cell.at[key]) === place);
      return [place, number(own, name)] as const;
    }),
  }));
}

/** EDDI's is the first, the oracle's the last. */
function colorOf(name: string, at: number): number {
  if (name === "eddi") return 0;
  return name === "clairvoyant" ? 8 : 1 + ((at - 1) % 7);
}

function legendOf(policies: readonly string[]): string {
  return legend(policies.map((name, at) => ({ name, color: colorOf(name, at) })));
}

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

export function budgetsSection({ results, made }: Report): string {
  const x: Axis = { label: "budget, ms", isLog: true, ticks: [20, 60, 150, 300, 600, 1000] };
  const y: Axis = {
    label: "right in time, %",
    isLog: false,
    ticks: [0, 0.2, 0.4, 0.6, 0.8, 1],
    name: percent,
  };
  const drawn = made.models.flatMap((model) =>
    SLOWDOWNS.map((slowdown) => {
      const cells = cellsOf(results, "budgets", model).filter(({ cell }) => cell.at.slowdown === slowdown);
      const lines = linesOver(cells, BUDGET_LINES, "budgetMs", (own, policy) =>
        shareOf(own, policy, rightInTime),
      );
      return linePlot({ title: `${model}, phone x${slowdown}`, x, y, lines });
    }),
  );
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
    `<details><summary>Numbers, all slow-downs together</summary>${htmlTable(
      ["", ...BUDGET_LINES, "EDDI in time", "EDDI right", "EDDI twice"],
      rows,
    )}</details>`,
  );
}

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
    "All policies on the fixed strata of the population, each counted by its weight, each user's own budget; percent. The choice of net decides how much there is to gain: the same exits with four times the work stand beside.",
    ...tables,
  );
}

const LATENCY_LINES = [
  "eddi",
  "edge-only",
  "edge-only-last",
  "cloud-webp",
  "neurosurgeon",
  "qdmp",
  "spinn",
  "clairvoyant",
];
const UPLINK: Axis = { label: "uplink, Mbit/s", isLog: true, ticks: [0.05, 0.13, 0.3, 1.1, 5.85, 18.88, 50] };

export function uplinksSection({ results, made }: Report): string {
  const y: Axis = { label: "mean latency, ms", isLog: true, ticks: [10, 30, 100, 300, 1000, 3000, 10_000] };
  const speed: Axis = { label: "times as fast", isLog: true, ticks: [0.1, 0.3, 1, 3, 10, 30, 100] };
  const drawn = made.models.flatMap((model) => {
    const cells = cellsOf(results, "uplinks", model);
    const lines = linesOver(cells, LATENCY_LINES, "uplinkMbps", meanMs);
    const over = (base: string): readonly Line[] =>
      linesOver(cells, LATENCY_LINES, "uplinkMbps", (own, policy) => meanMs(own, base) / meanMs(own, policy));
    return [
      linePlot({ title: `${model}: mean latency`, x: UPLINK, y, lines }),
      linePlot({
        title: `${model}: speed-up over edge-only`,
        x: UPLINK,
        y: speed,
        lines: over("edge-only-last"),
      }),
      linePlot({
        title: `${model}: speed-up over cloud-only`,
        x: UPLINK,
        y: speed,
        lines: over("cloud-jpeg"),
      }),
    ];
  });
  return section(
    "Latency and speed-up against the uplink",
    "The fastest answer of a top-1 one point below the full net's, on a phone 4 times as slow as the profiled machine, RTT 50 ms. Edge-only is the full net on the phone, cloud-only a JPEG. 0.13, 1.1, 5.85 and 18.88 Mbit/s are the CAT1, 3G, 4G and Wi-Fi of the literature.",
    legendOf(LATENCY_LINES),
    plots(drawn),
  );
}

export function capacitySection({ results, made }: Report): string {
  const y: Axis = { label: "mean latency, ms", isLog: true, ticks: [30, 100, 300, 1000, 3000] };
  const slower: Axis = { label: "cloud, times as slow", isLog: true, ticks: CLOUD_SCALES };
  const others: Axis = { label: "load by other clients", isLog: false, ticks: LOADS };
  const drawn = made.models.flatMap((model) => {
    const cells = cellsOf(results, "capacity", model);
    const scaled = cells.filter(({ cell }) => cell.at.load === 0.25);
    const loaded = cells.filter(({ cell }) => cell.at.load !== 0.25);
    return [
      linePlot({
        title: `${model}: a slower cloud`,
        x: slower,
        y,
        lines: linesOver(scaled, LATENCY_LINES, "cloudScale", meanMs),
      }),
      linePlot({
        title: `${model}: other clients`,
        x: others,
        y,
        lines: linesOver(loaded, LATENCY_LINES, "load", meanMs),
      }),
    ];
  });
  return section(
    "Latency against the cloud's capacity",
    "As before, on 5.85 Mbit/s: a cloud up to 64 times as slow, and one that other clients keep busy.",
    legendOf(LATENCY_LINES),
    plots(drawn),
  );
}

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

export function cutsSection({ cutMaps }: Report): string {
  return section(
    "Where a cut inside the DAG is best",
    "Over uplink and phone, conditions certain, RTT 50 ms, by the planner itself: grey is all on the phone, blue a cut inside, ochre the image. Accuracy: within 60 to 600 ms, what most budgets want. Latency and throughput: of a top-1 one point below the full net's.",
    plots(cutMaps.map(cutMapPlot)),
  );
}

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
    "EDDI without one of its parts: slow-downs 4 and 10, budgets 150, 300 and 600 ms, all traces; percent. Left out: layer-sum profiles, which no stored profile holds, and no detection of changes, which the filter cannot be without.",
    htmlTable(["", "right in time", "points", "in time", "twice", "mean ms"], rows),
  );
}

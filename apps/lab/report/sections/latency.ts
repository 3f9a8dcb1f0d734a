import { CLOUD_SCALES, OTHER_CLIENTS } from "../cells/list-cells.ts";
import { barPlot } from "../plots/bar-plot.ts";
import { type Axis, type Line, linePlot } from "../plots/line-plot.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, meanMs } from "../results/sums.ts";
import { plots, section } from "./html.ts";
import { colorOf, legendOf, linesOver, UPLINK } from "./lines.ts";

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

/** The networks that the literature measures on. */
const NETWORKS = [
  ["CAT1", 0.13],
  ["3G", 1.1],
  ["4G", 5.85],
  ["Wi-Fi", 18.88],
] as const;

/** As DADS and its followers draw it. */
export function networksSection({ results, made }: Report): string {
  const y: Axis = { label: "mean latency, ms", isLog: true, ticks: [10, 30, 100, 300, 1000, 3000, 10_000] };
  const drawn = made.models.map((model) => {
    const cells = cellsOf(results, "uplinks", model);
    const bars = LATENCY_LINES.map((policy, at) => ({
      name: policy,
      color: colorOf(policy, at),
      values: NETWORKS.map(([, mbps]) =>
        meanMs(
          cells.filter(({ cell }) => cell.at.uplinkMbps === mbps),
          policy,
        ),
      ),
    }));
    return barPlot({ title: `${model}: mean latency, ms`, groups: NETWORKS.map(([name]) => name), y, bars });
  });
  return section(
    "Latency by network",
    "The same answers on the uplinks of the literature: CAT1 0.13, 3G 1.1, 4G 5.85, Wi-Fi 18.88 Mbit/s.",
    legendOf(LATENCY_LINES),
    plots(drawn),
  );
}

export function capacitySection({ results, made }: Report): string {
  const y: Axis = { label: "mean latency, ms", isLog: true, ticks: [30, 100, 300, 1000, 3000] };
  const speed: Axis = { label: "times as fast", isLog: true, ticks: [0.1, 0.3, 1, 3, 10, 30] };
  const slower: Axis = { label: "cloud, times as slow", isLog: true, ticks: CLOUD_SCALES };
  const others: Axis = { label: "other clients", isLog: true, ticks: OTHER_CLIENTS };
  const drawn = made.models.flatMap((model) => {
    const cells = cellsOf(results, "capacity", model);
    return (
      [
        ["a slower cloud", slower, "cloudScale"],
        ["other clients", others, "clients"],
      ] as const
    ).flatMap(([what, x, key]) => {
      const own = cells.filter(({ cell }) => key in cell.at);
      const over = (base: string): readonly Line[] =>
        linesOver(own, LATENCY_LINES, key, (some, policy) => meanMs(some, base) / meanMs(some, policy));
      const title = (of: string): string => `${model}: ${what}, ${of}`;
      return [
        linePlot({ title: title("latency"), x, y, lines: linesOver(own, LATENCY_LINES, key, meanMs) }),
        linePlot({ title: title("over edge-only"), x, y: speed, lines: over("edge-only-last") }),
        linePlot({ title: title("over cloud-only"), x, y: speed, lines: over("cloud-jpeg") }),
      ];
    });
  });
  return section(
    "Latency and speed-up against the cloud's capacity",
    "As before, on 5.85 Mbit/s: a cloud up to 64 times as slow, and one that 1 to 200 other clients ask for a photo a second each.",
    legendOf(LATENCY_LINES),
    plots(drawn),
  );
}

import { element, text, tooltip } from "../draw/svg.ts";
import { PICTURE_STYLE } from "./page-style.ts";
import type { Report } from "./results/report.ts";
import { budgetPlot } from "./sections/budgets.ts";
import { cutSharesPlot } from "./sections/cuts.ts";
import { colorOf } from "./sections/lines.ts";

const SHOWN = ["eddi", "edge-only", "cloud-webp+insured", "spinn+insured", "qdmp", "clairvoyant"];
const LEGEND = 44;

/** The two plots that README shows, each a file by itself. */
export function pictures(report: Report, flagship: string): Readonly<Record<string, string>> {
  return {
    "accuracy-in-time.svg": standing(
      "Right answers in time against the budget",
      budgetPlot(report, flagship, SHOWN),
      legendAt,
    ),
    "inner-cuts.svg": standing("Where the best plan cuts", cutSharesPlot(report.cutMaps), cutLegendAt),
  };
}

/** A plot of the page with its colours and a legend. */
function standing(title: string, plot: string, legend: (y: number) => string): string {
  const [width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(plot)!.slice(1).map(Number) as [number, number];
  const inner = plot.replace("<svg ", `<svg width="${width}" height="${height}" `);
  const size = { width, height: height + LEGEND };
  return `${element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${size.width} ${size.height}`, ...size },
    tooltip(title),
    element("style", {}, PICTURE_STYLE),
    element("rect", { ...size, class: "paper" }),
    inner,
    legend(height + 14),
  )}\n`;
}

const PER_ROW = 3;

function legendAt(y: number): string {
  return SHOWN.map((name, at) => entry(name, `d${colorOf(name, at)}`, at, y)).join("");
}

function cutLegendAt(y: number): string {
  const entries = [
    ["all on the phone", "m-edge"],
    ["a cut inside", "m-inner"],
    ["the image is sent", "m-image"],
  ] as const;
  return entries.map(([name, className], at) => entry(name, className, at, y)).join("");
}

function entry(name: string, className: string, at: number, y: number): string {
  const x = 8 + (at % PER_ROW) * 138;
  const line = y + 17 * Math.floor(at / PER_ROW);
  return (
    element("rect", { x, y: line - 8, width: 12, height: 8, class: className }) +
    text(name, { x: x + 17, y: line, class: "axis" })
  );
}

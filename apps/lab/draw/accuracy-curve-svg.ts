import { exitColor } from "./colors.ts";
import { element, INK, LINE, MUTED, picture, text, tooltip } from "./svg.ts";

/** What is gained for more work. */
export interface AccuracyCurve {
  readonly title: string;
  /** Earliest first. */
  readonly exits: readonly CurvePoint[];
  /** Early exits that answer when they are sure, each at its mean work. */
  readonly policies: readonly Omit<CurvePoint, "low" | "high">[];
}

export interface CurvePoint {
  readonly label: string;
  /** Millions of multiply-adds for one image. */
  readonly mmacs: number;
  /** Top-1, 0..1, and its 95 % interval. */
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

const MARGIN = 28;
const PLOT = { left: MARGIN + 52, top: MARGIN + 34, width: 640, height: 360 };
const SIZE = { width: PLOT.left + PLOT.width + MARGIN, height: PLOT.top + PLOT.height + 62 };

/** The accuracy-work curve of a model as SVG: its exits with their intervals, its policies as dots. */
export function accuracyCurveSvg({ title, exits, policies }: AccuracyCurve): string {
  const [right, bottom] = [PLOT.left + PLOT.width, PLOT.top + PLOT.height];
  const mostWork = Math.max(...exits.map(({ mmacs }) => mmacs), ...policies.map(({ mmacs }) => mmacs));
  const lows = [...exits.map(({ low }) => low), ...policies.map(({ accuracy }) => accuracy)];
  const highs = [...exits.map(({ high }) => high), ...policies.map(({ accuracy }) => accuracy)];
  const workStep = roundStep(mostWork * 1.05);
  const work = { least: 0, most: mostWork * 1.05 };
  const [lowest, highest] = [Math.min(...lows), Math.max(...highs)];
  const shareStep = roundStep(Math.max(0.02, highest - lowest));
  const share = {
    least: Math.max(0, Math.floor(lowest / shareStep - 1e-9) * shareStep),
    most: Math.min(1, Math.ceil(highest / shareStep + 1e-9) * shareStep),
  };
  const x = (mmacs: number): number =>
    PLOT.left + (PLOT.width * (mmacs - work.least)) / (work.most - work.least);
  const y = (top1: number): number =>
    bottom - (PLOT.height * (top1 - share.least)) / (share.most - share.least);
  const grid = { stroke: LINE, "stroke-opacity": 0.4, fill: "none" };
  return picture(
    SIZE,
    title,
    text(title, { x: MARGIN, y: MARGIN + 10, "font-size": 17, "font-weight": 700 }),
    ...ticks(work, workStep).flatMap((value) => [
      element("path", { d: `M${x(value).toFixed(1)},${PLOT.top}V${bottom}`, ...grid }),
      text(plain(value), { x: x(value), y: bottom + 18, "text-anchor": "middle" }),
    ]),
    ...ticks(share, shareStep).flatMap((value) => [
      element("path", { d: `M${PLOT.left},${y(value).toFixed(1)}H${right}`, ...grid }),
      text(`${plain(100 * value)} %`, { x: PLOT.left - 9, y: y(value) + 4, "text-anchor": "end" }),
    ]),
    text("million multiply-adds for an image", {
      x: (PLOT.left + right) / 2,
      y: bottom + 40,
      "text-anchor": "middle",
      fill: MUTED,
    }),
    element("polyline", {
      points: exits
        .map(({ mmacs, accuracy }) => `${x(mmacs).toFixed(1)},${y(accuracy).toFixed(1)}`)
        .join(" "),
      fill: "none",
      stroke: INK,
      "stroke-width": 1.5,
    }),
    ...policies.map(({ label, mmacs, accuracy }) =>
      element(
        "circle",
        { class: "policy", cx: x(mmacs), cy: y(accuracy), r: 3, fill: MUTED, "fill-opacity": 0.6 },
        tooltip(`${label}: ${(100 * accuracy).toFixed(2)} %, ${mmacs.toFixed(1)} MMAC`),
      ),
    ),
    ...exits.map((point, at) => drawExit(point, at, x, y)),
  );
}

type Scale = (value: number) => number;

function drawExit({ label, mmacs, accuracy, low, high }: CurvePoint, at: number, x: Scale, y: Scale): string {
  const across = x(mmacs);
  const color = exitColor(at, 0.45);
  // The name stands where the curve, which rises, leaves room; at the right edge, on the other side.
  const isRight = across > PLOT.left + 0.85 * PLOT.width;
  const name = `${label}: ${(100 * accuracy).toFixed(1)} %`;
  return element(
    "g",
    { class: "exit" },
    tooltip(
      `${name}, 95 %: ${(100 * low).toFixed(2)} to ${(100 * high).toFixed(2)} %, ${mmacs.toFixed(1)} MMAC`,
    ),
    element("path", {
      d: `M${across.toFixed(1)},${y(low).toFixed(1)}V${y(high).toFixed(1)}`,
      stroke: color,
      "stroke-width": 3,
    }),
    element("circle", { cx: across, cy: y(accuracy), r: 5, fill: color }),
    text(name, {
      x: across + (isRight ? -10 : 10),
      y: y(accuracy) + (isRight ? -10 : 16),
      "text-anchor": isRight ? "end" : "start",
      "font-weight": 700,
    }),
  );
}

/** 1, 2 or 5 times a power of ten, so that the whole range is four to ten steps. */
function roundStep(range: number): number {
  const power = 10 ** Math.floor(Math.log10(range / 4));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => range / step <= 10)!;
}

function ticks({ least, most }: { readonly least: number; readonly most: number }, step: number): number[] {
  const first = Math.ceil(least / step - 1e-9);
  const last = Math.floor(most / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

const plain = (value: number): string => String(Number(value.toPrecision(6)));

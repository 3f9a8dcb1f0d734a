import { exitColor } from "./colors.ts";
import { element, INK, LINE, MUTED, picture, text, tooltip } from "./svg.ts";

/** What fewer bytes cost. */
export interface RateCurve {
  readonly title: string;
  /** Steps that were tried, finest first. */
  readonly tried: readonly RatePoint[];
  /** Rates that were stored, and other codecs. */
  readonly rates: readonly LabelledRate[];
  readonly others: readonly LabelledRate[];
}

export interface RatePoint {
  readonly bytes: number;
  /** Top-1 that is lost, 0..1. */
  readonly loss: number;
}

export interface LabelledRate extends RatePoint {
  readonly label: string;
}

const MARGIN = 28;
const PLOT = { left: MARGIN + 52, top: MARGIN + 34, width: 640, height: 300 };
const SIZE = { width: PLOT.left + PLOT.width + MARGIN, height: PLOT.top + PLOT.height + 62 };
const BYTES = [1, 2, 5].flatMap((first) => [1, 10, 100, 1000, 10_000].map((power) => first * power));
const POINTS = [0, 0.5, 1, 2, 3, 4, 5];

/** The rate-loss curve of a fitted codec as SVG: bytes on a logarithmic axis, points that are lost downwards. */
export function rateCurveSvg({ title, tried, rates, others }: RateCurve): string {
  const [right, bottom] = [PLOT.left + PLOT.width, PLOT.top + PLOT.height];
  const all = [...tried, ...rates, ...others];
  const sizes = all.map(({ bytes }) => Math.max(1, bytes));
  const [low, high] = [Math.log(Math.min(...sizes) / 1.2), Math.log(1.6 * Math.max(...sizes))];
  const most = Math.max(0.005, ...all.map(({ loss }) => loss)) * 1.1;
  const least = Math.min(-0.001, ...all.map(({ loss }) => loss)) * 1.1;
  const x = (bytes: number): number =>
    PLOT.left + (PLOT.width * (Math.log(Math.max(1, bytes)) - low)) / (high - low);
  const y = (loss: number): number => PLOT.top + (PLOT.height * (loss - least)) / (most - least);
  const grid = { stroke: LINE, "stroke-opacity": 0.4, fill: "none" };
  const dot = (rate: LabelledRate, color: string): string =>
    element(
      "g",
      { class: "rate" },
      tooltip(`${rate.label}: ${rate.bytes} bytes, ${points(rate.loss)} points lost`),
      element("circle", { cx: x(rate.bytes), cy: y(rate.loss), r: 5, fill: color }),
      label(rate),
    );
  // At the right edge its name stands on the other side.
  const label = (rate: LabelledRate): string => {
    const isRight = x(rate.bytes) > PLOT.left + 0.8 * PLOT.width;
    return text(`${rate.label}, ${rate.bytes}`, {
      x: x(rate.bytes) + (isRight ? -9 : 9),
      y: y(rate.loss) - 7,
      "text-anchor": isRight ? "end" : "start",
      "font-size": 11,
    });
  };
  return picture(
    SIZE,
    title,
    text(title, { x: MARGIN, y: MARGIN + 10, "font-size": 15, "font-weight": 700 }),
    ...BYTES.filter((bytes) => Math.log(bytes) > low && Math.log(bytes) < high).flatMap((bytes) => [
      element("path", { d: `M${x(bytes).toFixed(1)},${PLOT.top}V${bottom}`, ...grid }),
      text(`${bytes}`, { x: x(bytes), y: bottom + 18, "text-anchor": "middle" }),
    ]),
    ...POINTS.filter((lost) => lost / 100 < most).flatMap((lost) => [
      element("path", { d: `M${PLOT.left},${y(lost / 100).toFixed(1)}H${right}`, ...grid }),
      text(`${lost}`, { x: PLOT.left - 9, y: y(lost / 100) + 4, "text-anchor": "end" }),
    ]),
    text("bytes of a photo; downwards, points of top-1 that are lost", {
      x: (PLOT.left + right) / 2,
      y: bottom + 40,
      "text-anchor": "middle",
      fill: MUTED,
    }),
    element("polyline", {
      points: tried.map(({ bytes, loss }) => `${x(bytes).toFixed(1)},${y(loss).toFixed(1)}`).join(" "),
      fill: "none",
      stroke: INK,
      "stroke-width": 1.5,
    }),
    ...others.map((other) => dot(other, MUTED)),
    ...rates.map((rate, at) => dot(rate, exitColor(at, 0.45))),
  );
}

const points = (loss: number): string => `${Number((100 * loss).toFixed(2))}`;

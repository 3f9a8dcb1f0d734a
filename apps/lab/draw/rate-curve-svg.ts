import { exitColor } from "./colors.ts";
import { element, INK, LINE, MUTED, picture, text, textWidth, tooltip } from "./svg.ts";

/** What fewer bytes cost. */
export interface RateCurves {
  readonly title: string;
  readonly curves: readonly RateCurve[];
  /** Codecs beside them. */
  readonly others: readonly LabelledRate[];
}

export interface RateCurve {
  /** Along the line. */
  readonly points: readonly RatePoint[];
  /** Rates that there are. */
  readonly rates: readonly LabelledRate[];
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
const LABEL_SIZE = 11;
/** Of a name beside its dot, the best first. */
const PLACES = [
  [true, false],
  [false, false],
  [true, true],
  [false, true],
] as const;
const BYTES = [1, 2, 5].flatMap((first) => [1, 10, 100, 1000, 10_000].map((power) => first * power));
const POINTS = [0, 0.5, 1, 2, 3, 4, 5];

/** Rate-loss curves of fitted codecs as SVG: bytes on a logarithmic axis, points that are lost downwards. */
export function rateCurvesSvg({ title, curves, others }: RateCurves): string {
  const [right, bottom] = [PLOT.left + PLOT.width, PLOT.top + PLOT.height];
  const all = [...curves.flatMap(({ points, rates }) => [...points, ...rates]), ...others];
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
      tooltip(`${rate.label}: ${rate.bytes} bytes, ${inPoints(rate.loss)} points lost`),
      element("circle", { cx: x(rate.bytes), cy: y(rate.loss), r: 5, fill: color }),
      ...label(rate),
    );
  // Where there is no room for its name, a pointer that rests on the dot is told.
  const taken: Box[] = all.map(({ bytes, loss }) => boxAt(x(bytes) - 5, y(loss) - 5, 10, 10));
  const label = (rate: LabelledRate): string[] => {
    const words = `${rate.label}, ${rate.bytes}`;
    const width = textWidth(words, LABEL_SIZE);
    for (const [toRight, below] of PLACES) {
      const left = x(rate.bytes) + (toRight ? 9 : -9 - width);
      const baseline = y(rate.loss) + (below ? 15 : -7);
      const box = boxAt(left, baseline - LABEL_SIZE, width, LABEL_SIZE + 2);
      if (box.left < PLOT.left || box.right > SIZE.width || taken.some((other) => overlap(box, other)))
        continue;
      taken.push(box);
      return [text(words, { x: left, y: baseline, "font-size": LABEL_SIZE })];
    }
    return [];
  };
  const named = curves.flatMap(({ rates }, at) => rates.map((rate) => dot(rate, exitColor(at, 0.45))));
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
    ...curves.map(({ points }, at) =>
      element("polyline", {
        points: points.map(({ bytes, loss }) => `${x(bytes).toFixed(1)},${y(loss).toFixed(1)}`).join(" "),
        fill: "none",
        stroke: curves.length === 1 ? INK : exitColor(at, 0.45),
        "stroke-width": 1.5,
      }),
    ),
    ...others.map((other) => dot(other, MUTED)),
    ...named,
  );
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const boxAt = (left: number, top: number, width: number, height: number): Box => {
  return { left, top, right: left + width, bottom: top + height };
};

const overlap = (one: Box, other: Box): boolean =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

const inPoints = (loss: number): string => `${Number((100 * loss).toFixed(2))}`;

import { element, text, tooltip } from "../../draw/svg.ts";

export interface Axis {
  readonly label: string;
  readonly isLog: boolean;
  readonly ticks: readonly number[];
  readonly name?: (value: number) => string;
}

export interface Line {
  readonly name: string;
  /** Its place in the palette of the page; the first is EDDI's own, the last the oracle's. */
  readonly color: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly isDashed?: boolean;
}

export interface LinePlot {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
  /** Whether points are marked; they are if not given. */
  readonly hasDots?: boolean;
}

const WIDTH = 420;
const HEIGHT = 280;
const AREA = { left: 48, right: 18, top: 28, bottom: 40 } as const;

/** A plot for a page of its own colours: `l0`, `l1` and so on are classes of lines, `axis` and `grid` of the rest. */
export function linePlot({ title, x, y, lines, hasDots = true }: LinePlot): string {
  const toX = scaleOf(x, AREA.left, WIDTH - AREA.right);
  const toY = scaleOf(y, HEIGHT - AREA.bottom, AREA.top);
  const name = (axis: Axis, value: number): string => (axis.name ?? String)(value);
  const grid = [
    ...y.ticks.map((tick) => line(AREA.left, toY(tick), WIDTH - AREA.right, toY(tick))),
    ...x.ticks.map((tick) => line(toX(tick), AREA.top, toX(tick), HEIGHT - AREA.bottom)),
  ];
  const labels = [
    text(title, { x: AREA.left, y: 16, class: "title" }),
    ...y.ticks.map((tick) =>
      text(name(y, tick), { x: AREA.left - 6, y: toY(tick) + 4, class: "axis", "text-anchor": "end" }),
    ),
    ...x.ticks.map((tick) =>
      text(name(x, tick), {
        x: toX(tick),
        y: HEIGHT - AREA.bottom + 15,
        class: "axis",
        "text-anchor": "middle",
      }),
    ),
    text(x.label, {
      x: (AREA.left + WIDTH - AREA.right) / 2,
      y: HEIGHT - 6,
      class: "axis",
      "text-anchor": "middle",
    }),
  ];
  const drawn = lines.map((one) => {
    const known = one.points.filter(([, value]) => Number.isFinite(value));
    const path = known.map(
      ([at, value], index) => `${index === 0 ? "M" : "L"}${round(toX(at))} ${round(toY(value))}`,
    );
    const dots = (hasDots ? known : []).map(([at, value]) =>
      element(
        "circle",
        { cx: toX(at), cy: toY(value), r: 2.6, class: `d${one.color}` },
        tooltip(`${one.name}: ${name(y, Number(value.toPrecision(4)))} at ${name(x, at)}`),
      ),
    );
    const dash = one.isDashed ? "5 4" : undefined;
    return (
      element("path", { d: path.join(""), class: `l${one.color}`, "stroke-dasharray": dash }) + dots.join("")
    );
  });
  return element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "plot" },
    tooltip(`${title}; ${y.label} over ${x.label}`),
    ...grid,
    ...labels,
    ...drawn,
  );
}

/** From a value to a place; what lies outside is drawn at the edge. */
function scaleOf({ isLog, ticks }: Axis, from: number, to: number): (value: number) => number {
  const of = (value: number): number => (isLog ? Math.log(Math.max(value, 1e-9)) : value);
  const [least, most] = [of(ticks[0]!), of(ticks.at(-1)!)];
  return (value) => {
    const share = Math.min(1, Math.max(0, (of(value) - least) / (most - least)));
    return from + share * (to - from);
  };
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return element("line", { x1, y1, x2, y2, class: "grid" });
}

function round(value: number): number {
  return Math.round(10 * value) / 10;
}

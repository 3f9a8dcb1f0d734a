import { element, text, tooltip } from "../../draw/svg.ts";
import type { Axis } from "./line-plot.ts";

export interface Bar {
  readonly name: string;
  /** Its place in the palette of the page. */
  readonly color: number;
  /** By group; not finite where there is none. */
  readonly values: readonly number[];
}

export interface BarPlot {
  readonly title: string;
  readonly groups: readonly string[];
  readonly y: Axis;
  readonly bars: readonly Bar[];
}

const WIDTH = 420;
const HEIGHT = 260;
const AREA = { left: 48, right: 10, top: 28, bottom: 26 } as const;

/** Bars side by side in groups, from the axis' least tick up. */
export function barPlot({ title, groups, y, bars }: BarPlot): string {
  const of = (value: number): number => (y.isLog ? Math.log(Math.max(value, 1e-9)) : value);
  const [least, most] = [of(y.ticks[0]!), of(y.ticks.at(-1)!)];
  const bottom = HEIGHT - AREA.bottom;
  const toY = (value: number): number => {
    const share = Math.min(1, Math.max(0, (of(value) - least) / (most - least)));
    return bottom - share * (bottom - AREA.top);
  };
  const name = (value: number): string => (y.name ?? String)(value);
  const column = (WIDTH - AREA.left - AREA.right) / groups.length;
  const width = (0.84 * column) / bars.length;
  const drawn = groups.flatMap((group, at) =>
    bars.flatMap(({ name: bar, color, values }, index) => {
      const value = values[at]!;
      if (!Number.isFinite(value)) return [];
      const x = AREA.left + at * column + 0.08 * column + index * width;
      const top = toY(value);
      return element(
        "rect",
        { x, y: top, width: width - 0.6, height: bottom - top, class: `d${color}` },
        tooltip(`${bar}, ${group}: ${name(Number(value.toPrecision(3)))}`),
      );
    }),
  );
  const lines = y.ticks.flatMap((tick) => [
    element("line", { x1: AREA.left, y1: toY(tick), x2: WIDTH - AREA.right, y2: toY(tick), class: "grid" }),
    text(name(tick), { x: AREA.left - 6, y: toY(tick) + 4, class: "axis", "text-anchor": "end" }),
  ]);
  const labels = groups.map((group, at) =>
    text(group, {
      x: AREA.left + (at + 0.5) * column,
      y: HEIGHT - 8,
      class: "axis",
      "text-anchor": "middle",
    }),
  );
  return element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "plot" },
    tooltip(`${title}; ${y.label}`),
    text(title, { x: AREA.left, y: 16, class: "title" }),
    ...lines,
    ...drawn,
    ...labels,
  );
}

import { element, text, tooltip } from "../../draw/svg.ts";
import type { Margin } from "../results/margins.ts";

const WIDTH = 420;
const LEFT = 12;
const RIGHT = 12;
const ROW = 31;
const TOP = 28;
/** Margins beyond are drawn at the border. */
const MOST = 40;
const TICKS = [-40, -20, 0, 20, 40];

/** Each margin that has an aim, and each regret, as a point in its interval; an open ring is the aim. */
export function marginsPlot(margins: readonly Margin[]): string {
  const rows = margins.filter(
    ({ what, aim, against }) => what !== "promise" && (aim !== null || against === "clairvoyant"),
  );
  const height = TOP + ROW * rows.length + 24;
  const bottom = height - 24;
  const toX = (value: number): number => {
    const share = (Math.max(-MOST, Math.min(MOST, value)) + MOST) / (2 * MOST);
    return LEFT + share * (WIDTH - LEFT - RIGHT);
  };
  const grid = TICKS.flatMap((tick) => [
    element("line", {
      x1: toX(tick),
      y1: TOP - 6,
      x2: toX(tick),
      y2: bottom,
      class: tick === 0 ? "zero" : "grid",
    }),
    text(String(tick), { x: toX(tick), y: bottom + 15, class: "axis", "text-anchor": "middle" }),
  ]);
  const drawn = rows.flatMap(({ what, against, unit, estimate, aim }, at) => {
    const y = TOP + at * ROW + 22;
    const { value, low, high } = estimate;
    const name = `${what}, ${unit}, ${against.replace(/^best /, "")}`;
    const told = `${name}: ${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
    return [
      text(shortened(name), { x: LEFT, y: y - 9, class: "axis" }),
      element("line", { x1: toX(low), y1: y, x2: toX(high), y2: y, class: "reach" }),
      element("circle", { cx: toX(value), cy: y, r: 4, class: "d0" }, tooltip(told)),
      aim === null
        ? ""
        : element("circle", { cx: toX(aim), cy: y, r: 5, class: "ring" }, tooltip(`aim: ${aim}`)),
    ];
  });
  const title = "How far EDDI is ahead, all models, percent or points; rings: aims";
  return element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", class: "plot" },
    tooltip(title),
    text(title, { x: 4, y: 14, class: "title" }),
    ...grid,
    ...drawn,
  );
}

function shortened(name: string): string {
  return name.length <= 68 ? name : `${name.slice(0, 67)}…`;
}

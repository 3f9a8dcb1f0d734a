import { exitColor } from "./colors.ts";
import { element, INK, LINE, MUTED, PAPER, picture, text, textWidth, tooltip } from "./svg.ts";

/** Which plan wins where: a grid over uplink and cloud scale, of one cell or more. */
export interface PhaseMap {
  /** Model, RTT, budget: what the map holds for. */
  readonly title: string;
  /** Columns: rising, above 0. */
  readonly uplinkMbps: readonly number[];
  /** Rows: rising, above 0. */
  readonly cloudScales: readonly number[];
  /** `cells[row][column]`. */
  readonly cells: readonly (readonly PhaseCell[])[];
}

export interface PhaseCell {
  /** Exit id. */
  readonly exit: string;
  /** Names of the tensors that cross; empty for all-edge. */
  readonly cut: readonly string[];
  /** Whether the plan meets the objective. */
  readonly feasible: boolean;
}

const MARGIN = 28;
const PLOT = { width: 720, height: 430, left: MARGIN + 46, top: MARGIN + 58 };
const LEGEND = { top: PLOT.top + PLOT.height + 62, line: 20 };

/** Uplinks that the literature compares at, Mbit/s (DADS, INFOCOM 2019). */
const NETWORKS: readonly (readonly [string, number])[] = [
  ["CAT1", 0.13],
  ["3G", 1.1],
  ["4G", 5.85],
  ["Wi-Fi", 18.88],
];

/**
 * A phase map as SVG: both axes logarithmic, every exit and cut one region of one colour: hue by exit,
 * lightness by cut. Cells without a feasible plan are hatched.
 */
export function phaseMapSvg(map: PhaseMap): string {
  const regions = findRegions(map);
  const across = axis(map.uplinkMbps, PLOT.left, PLOT.left + PLOT.width);
  const down = axis(map.cloudScales, PLOT.top + PLOT.height, PLOT.top);
  const legend = drawLegend(regions, map);
  const missed = cellsWhere(map, ({ feasible }) => !feasible);
  const size = {
    width: Math.max(PLOT.left + PLOT.width, legend.right) + MARGIN,
    height: LEGEND.top + legend.height + MARGIN,
  };
  return picture(
    size,
    map.title,
    element("defs", {}, HATCH),
    text(map.title, { x: MARGIN, y: MARGIN + 12, "font-size": 17, "font-weight": 700 }),
    ...regions.map((region) =>
      element(
        "path",
        { class: "region", d: outline(region.cells, across, down), fill: region.color, stroke: PAPER },
        tooltip(region.label),
      ),
    ),
    ...(missed.length === 0
      ? []
      : [element("path", { class: "missed", d: outline(missed, across, down), fill: "url(#missed)" })]),
    ...regions.map((region, at) => badge(`${at + 1}`, innermost(region.cells, across, down))),
    ...drawAxes(across, down),
    legend.markup,
  );
}

interface Cell {
  readonly row: number;
  readonly column: number;
}

/** All cells with the same exit and cut. */
interface Region {
  readonly label: string;
  readonly color: string;
  readonly cells: readonly Cell[];
}

/** Regions by exit, in the order of their ids, then by size: the largest first and darkest. */
function findRegions(map: PhaseMap): readonly Region[] {
  const found = new Map<string, { exit: string; cut: readonly string[]; cells: Cell[] }>();
  map.cells.forEach((cells, row) => {
    cells.forEach(({ exit, cut }, column) => {
      const key = JSON.stringify([exit, cut]);
      const region = found.get(key) ?? { exit, cut, cells: [] };
      found.set(key, region);
      region.cells.push({ row, column });
    });
  });
  const exits = [...new Set([...found.values()].map(({ exit }) => exit))].sort((a, b) =>
    a.localeCompare(b, "en", { numeric: true }),
  );
  return exits.flatMap((exit, hue) => {
    const own = [...found.values()].filter((region) => region.exit === exit);
    own.sort((a, b) => b.cells.length - a.cells.length);
    return own.map(({ cut, cells }, at): Region => {
      const lightness = own.length === 1 ? 0.6 : 0.45 + (0.4 * at) / (own.length - 1);
      const where = cut.length === 0 ? "all on the edge" : `cut at ${cut.join(" + ")}`;
      return { label: `${exit}, ${where}`, color: exitColor(hue, lightness), cells };
    });
  });
}

function cellsWhere(map: PhaseMap, holds: (cell: PhaseCell) => boolean): readonly Cell[] {
  return map.cells.flatMap((cells, row) =>
    cells.flatMap((cell, column) => (holds(cell) ? [{ row, column }] : [])),
  );
}

/** Pixels along a logarithmic axis. */
interface Axis {
  /** Where cell i starts; one more than cells. A border is half-way between two values. */
  readonly borders: readonly number[];
  readonly low: number;
  readonly high: number;
  at(value: number): number;
}

function axis(values: readonly number[], from: number, to: number): Axis {
  const between = values.slice(1).map((value, i) => Math.sqrt(value * values[i]!));
  const [first, last] = [values[0]!, values.at(-1)!];
  // The outer cells reach as far beyond their values as within.
  const low = first ** 2 / (between[0] ?? first * 2);
  const high = last ** 2 / (between.at(-1) ?? last / 2);
  const at = (value: number): number => from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  return { borders: [low, ...between, high].map(at), low, high, at };
}

/**
 * The outline of some cells as a path, holes and separate parts included. Every side that has a cell on one
 * hand only is walked once, clockwise, so a step's end is some step's start.
 */
function outline(cells: readonly Cell[], across: Axis, down: Axis): string {
  const columns = across.borders.length;
  const inside = new Set(cells.map(({ row, column }) => row * columns + column));
  const has = (row: number, column: number): boolean => column >= 0 && inside.has(row * columns + column);
  const corner = (row: number, column: number): number => row * columns + column;
  const steps = new Map<number, number[]>();
  const add = (from: number, to: number): void => {
    steps.set(from, [...(steps.get(from) ?? []), to]);
  };
  for (const { row, column } of cells) {
    if (!has(row - 1, column)) add(corner(row, column), corner(row, column + 1));
    if (!has(row, column + 1)) add(corner(row, column + 1), corner(row + 1, column + 1));
    if (!has(row + 1, column)) add(corner(row + 1, column + 1), corner(row + 1, column));
    if (!has(row, column - 1)) add(corner(row + 1, column), corner(row, column));
  }
  const point = (at: number): string => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return `${across.borders[column]!.toFixed(1)},${down.borders[row]!.toFixed(1)}`;
  };
  let path = "";
  for (const start of steps.keys()) {
    for (let next = steps.get(start)!.pop(); next !== undefined; ) {
      path += `M${point(start)}`;
      for (let here = next; here !== start; here = steps.get(here)!.pop()!) path += `L${point(here)}`;
      path += "Z";
      next = steps.get(start)!.pop();
    }
  }
  return path;
}

/** Where a number fits best: the middle of the cell farthest from others, by squares around it. */
function innermost(cells: readonly Cell[], across: Axis, down: Axis): { x: number; y: number } {
  const inside = new Set(cells.map(({ row, column }) => `${row} ${column}`));
  const reach = ({ row, column }: Cell): number => {
    for (let radius = 1; ; radius++) {
      for (let step = -radius; step <= radius; step++) {
        const ring = [
          [row - radius, column + step],
          [row + radius, column + step],
          [row + step, column - radius],
          [row + step, column + radius],
        ];
        if (ring.some(([r, c]) => !inside.has(`${r} ${c}`))) return radius;
      }
    }
  };
  let best = cells[0]!;
  for (const cell of cells) if (reach(cell) > reach(best)) best = cell;
  const middle = ({ borders }: Axis, at: number): number => (borders[at]! + borders[at + 1]!) / 2;
  return { x: middle(across, best.column), y: middle(down, best.row) };
}

function badge(content: string, { x, y }: { x: number; y: number }): string {
  return element(
    "g",
    {},
    element("circle", { cx: x, cy: y, r: 9, fill: PAPER, "fill-opacity": 0.9 }),
    text(content, { x, y: y + 4, "text-anchor": "middle", "font-size": 11, "font-weight": 700 }),
  );
}

const HATCH = element(
  "pattern",
  { id: "missed", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
  element("rect", { width: 3, height: 8, fill: INK, "fill-opacity": 0.4 }),
);

function drawAxes(across: Axis, down: Axis): readonly string[] {
  const [left, right] = [PLOT.left, PLOT.left + PLOT.width];
  const [top, bottom] = [PLOT.top, PLOT.top + PLOT.height];
  const stroke = { stroke: MUTED, fill: "none" };
  const within = ([, value]: readonly [string, number]): boolean =>
    value >= across.low && value <= across.high;
  return [
    element("rect", { x: left, y: top, width: PLOT.width, height: PLOT.height, ...stroke }),
    ...decades(across).flatMap((value) => {
      const x = across.at(value);
      return [
        element("path", { d: `M${x.toFixed(1)},${bottom}v5`, ...stroke }),
        text(`${value}`, { x, y: bottom + 18, "text-anchor": "middle" }),
      ];
    }),
    text("uplink, Mbit/s", { x: (left + right) / 2, y: bottom + 38, "text-anchor": "middle", fill: MUTED }),
    ...powersOfTwo(down).flatMap((value) => {
      const y = down.at(value);
      return [
        element("path", { d: `M${left},${y.toFixed(1)}h-5`, ...stroke }),
        text(`${value}`, { x: left - 9, y: y + 4, "text-anchor": "end" }),
      ];
    }),
    text("cloud scale: above 1, a slower or busier cloud", {
      transform: `translate(${MARGIN + 2} ${(top + bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle",
      fill: MUTED,
    }),
    ...NETWORKS.filter(within).flatMap(([name, value]) => {
      const x = across.at(value);
      return [
        element("path", {
          d: `M${x.toFixed(1)},${top - 4}V${bottom}`,
          stroke: INK,
          "stroke-dasharray": "5 4",
        }),
        text(`${name} ${value}`, { x, y: top - 9, "text-anchor": "middle", "font-size": 11 }),
      ];
    }),
  ];
}

/** 1, 2 and 5 times every power of ten on an axis. */
function decades({ low, high }: Axis): readonly number[] {
  const values: number[] = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const step of [1, 2, 5]) values.push(Number((step * 10 ** power).toPrecision(1)));
  }
  return values.filter((value) => value >= low && value <= high);
}

function powersOfTwo({ low, high }: Axis): readonly number[] {
  const values: number[] = [];
  for (let power = Math.ceil(Math.log2(low)); 2 ** power <= high; power++) values.push(2 ** power);
  return values;
}

interface Legend {
  readonly markup: string;
  readonly right: number;
  readonly height: number;
}

function drawLegend(regions: readonly Region[], map: PhaseMap): Legend {
  const share = (cells: number): string =>
    `${((100 * cells) / (map.uplinkMbps.length * map.cloudScales.length)).toFixed(0)} %`;
  const rows = regions.map(({ label, color, cells }, at) => ({
    number: `${at + 1}`,
    fill: color,
    label: `${label} (${share(cells.length)} of the map)`,
  }));
  const missed = cellsWhere(map, ({ feasible }) => !feasible).length;
  if (missed > 0) {
    rows.push({ number: "", fill: "url(#missed)", label: `no plan meets the objective (${share(missed)})` });
  }
  const markup = rows.map(({ number, fill, label }, row) =>
    element(
      "g",
      { class: "key", transform: `translate(${PLOT.left} ${LEGEND.top + row * LEGEND.line})` },
      element("rect", { y: -12, width: 28, height: 15, rx: 3, fill, stroke: LINE }),
      ...(number === "" ? [] : [badge(number, { x: 14, y: -4.5 })]),
      text(label, { x: 38 }),
    ),
  );
  return {
    markup: markup.join(""),
    right: PLOT.left + 38 + Math.max(...rows.map(({ label }) => textWidth(label))),
    height: rows.length * LEGEND.line,
  };
}

import type { Contraction } from "#shared/evaluator";
import { ancestors, countClosedHeads, cutVertices, subgraph } from "#shared/graph";
import { elementCount, type Model } from "#shared/model";
import { exitColor } from "./colors.ts";
import { type BlockPlace, type GraphLayout, layOutGraph, type Point } from "./graph-layout.ts";
import { element, INK, LINE, MUTED, PAPER, picture, shorten, text, textWidth, tooltip } from "./svg.ts";

const NODE = { width: 216, height: 38 };
const MARGIN = 28;
const LEGEND_LINE = 20;
const BAND_LABEL = 96;

/**
 * A model's DAG as a tall SVG: nodes from the image down, blocks as bands, cut vertices and exits marked.
 *
 * @param contractions of every exit's DAG, earliest first: arcs inside a contracted node are drawn faint
 */
export function graphSvg(model: Model, contractions: readonly Contraction[]): string {
  const drawing = describe(model, contractions);
  const legend = drawLegend(drawing);
  const { layout } = drawing;
  const shown = { left: layout.left - BAND_LABEL, top: -NODE.height / 2 };
  const size = {
    width: 2 * MARGIN + Math.max(legend.width, layout.right - shown.left + TAG_WIDTH),
    height: 3 * MARGIN + legend.height + layout.bottom - shown.top,
  };
  const { id } = model.metadata;
  return picture(
    size,
    `The DAG of ${id}: ${model.nodes.length} nodes, ${model.metadata.exits.length} exits`,
    element("g", { transform: `translate(${MARGIN} ${MARGIN})` }, legend.markup),
    element(
      "g",
      { transform: `translate(${MARGIN - shown.left} ${2 * MARGIN + legend.height - shown.top})` },
      ...layout.blocks.map((block, at) => drawBand(drawing, block, at)),
      ...layout.arcs.map((arc) => drawArc(drawing, arc)),
      ...model.nodes.map((_, node) => drawNode(drawing, node)),
    ),
  );
}

/** Room to the right of a node for the tag of an exit. */
const TAG_WIDTH = 120;

interface Drawing {
  readonly model: Model;
  readonly layout: GraphLayout;
  /** By node: the earliest exit that needs it. */
  readonly exitOf: readonly number[];
  /** By node: the exit that it is, if one. */
  readonly exitAt: ReadonlyMap<number, number>;
  readonly isCutVertex: readonly boolean[];
  /** Whether contraction closed an arc: the tensor need not be cut there. */
  isClosed(from: number, to: number): boolean;
}

function describe(model: Model, contractions: readonly Contraction[]): Drawing {
  const { dag, metadata } = model;
  const exits = metadata.exits.map(({ node }) => dag.names.indexOf(node));
  const needed = exits.map((exit) => ancestors(dag, exit));
  const exitOf = dag.names.map((_, node) => needed.findIndex((members) => members[node]));
  // What the last exit needs is drawn as its chain, the rest as that of the exit which it belongs to.
  const home = dag.names.map((_, node) => (needed.at(-1)![node] ? exits.length - 1 : exitOf[node]!));
  const nodesOf = needed.map((members) => dag.names.map((_, node) => node).filter((node) => members[node]));
  const vertices = needed.map((members, exit) => {
    const own = cutVertices(subgraph(dag, members));
    return new Set(own.map((node) => nodesOf[exit]![node]!));
  });
  const groups = contractions.map(({ members }, exit) => {
    const groupOf = new Map<number, number>();
    members.forEach((nodes, group) => {
      for (const node of nodes) groupOf.set(nodesOf[exit]![node]!, group);
    });
    return groupOf;
  });
  return {
    model,
    layout: layOutGraph(dag, exits, NODE),
    exitOf,
    exitAt: new Map(exits.map((node, exit) => [node, exit])),
    isCutVertex: dag.names.map((_, node) => vertices[home[node]!]!.has(node)),
    isClosed(from, to) {
      const group = groups[home[to]!];
      return group?.get(from) !== undefined && group.get(from) === group.get(to);
    },
  };
}

function drawBand({ model }: Drawing, block: BlockPlace, at: number): string {
  if (block.nodes.length === 1) return "";
  const { left, right, top, bottom, nodes } = block;
  const heads = countClosedHeads(blockDag(model, nodes));
  const label = [
    `block ${at + 1}`,
    `${nodes.length} nodes`,
    `${heads.exact ? "" : "over "}${heads.count} heads`,
  ];
  return element(
    "g",
    {},
    element("rect", { x: left, y: top, width: right - left, height: bottom - top, rx: 8, fill: "#e9edf2" }),
    ...label.map((line, row) =>
      text(line, {
        x: left - 8,
        y: (top + bottom) / 2 + 14 * (row - 1) + 4,
        "text-anchor": "end",
        fill: MUTED,
        "font-size": 11,
        "font-weight": row === 0 ? 600 : undefined,
      }),
    ),
  );
}

/** A block with the vertex that it starts after. */
function blockDag({ dag }: Model, nodes: readonly number[]) {
  const inside = new Set([...nodes, ...nodes.flatMap((node) => dag.predecessors[node]!)]);
  const keep = dag.names.map((_, node) => inside.has(node));
  return subgraph(dag, keep);
}

function drawArc(drawing: Drawing, arc: GraphLayout["arcs"][number]): string {
  const { nodes, laneLeft } = drawing.layout;
  const [from, to] = [nodes[arc.from]!, nodes[arc.to]!];
  const isClosed = drawing.isClosed(arc.from, arc.to);
  const below = { x: from.x, y: from.y + NODE.height / 2 };
  const above = { x: to.x, y: to.y - NODE.height / 2 };
  return element("path", {
    d:
      from.x < laneLeft && to.x > laneLeft ? detour(from, to, laneLeft) : curve([below, ...arc.bends, above]),
    fill: "none",
    stroke: isClosed ? LINE : INK,
    "stroke-width": isClosed ? 1.2 : 1.6,
    "stroke-dasharray": isClosed ? "2 4" : undefined,
  });
}

/** From the trunk into the lane: out to the right, down between them, in from the left. */
function detour(from: Point, to: Point, laneLeft: number): string {
  const x = laneLeft - 24;
  const start = { x: from.x + NODE.width / 2, y: from.y };
  return `M${at(start)}H${x.toFixed(1)}V${to.y.toFixed(1)}H${(to.x - NODE.width / 2).toFixed(1)}`;
}

/** A smooth line through points that go down: every piece leaves and arrives straight down. */
function curve(points: readonly Point[]): string {
  const pieces = points.slice(1).map((to, index) => {
    const from = points[index]!;
    const half = (to.y - from.y) / 2;
    return `C${at({ x: from.x, y: from.y + half })} ${at({ x: to.x, y: to.y - half })} ${at(to)}`;
  });
  return `M${at(points[0]!)}${pieces.join("")}`;
}

const at = ({ x, y }: Point): string => `${x.toFixed(1)},${y.toFixed(1)}`;

function drawNode({ model, layout, exitOf, exitAt, isCutVertex }: Drawing, node: number): string {
  const { x, y } = layout.nodes[node]!;
  const { name, op, tensor } = model.nodes[node]!;
  const exit = exitAt.get(node);
  const hue = exitOf[node]!;
  const [left, top] = [x - NODE.width / 2, y - NODE.height / 2];
  const shape = `${tensor.shape.join("×")}, ${sizeText(elementCount(tensor.shape))}`;
  const line = exit === undefined ? exitColor(hue, 0.42) : exitColor(hue, 0.3);
  return element(
    "g",
    {},
    tooltip(`${name}\n${op} -> ${shape}`),
    element("rect", {
      x: left,
      y: top,
      width: NODE.width,
      height: NODE.height,
      rx: exit === undefined ? 6 : NODE.height / 2,
      fill: exitColor(hue, exit === undefined ? 0.93 : 0.36),
      stroke: line,
      "stroke-width": isCutVertex[node] ? 1.8 : 1,
    }),
    text(shorten(name, 32), {
      x,
      y: y - 4,
      "text-anchor": "middle",
      "font-size": 11.5,
      "font-weight": 600,
      fill: exit === undefined ? INK : PAPER,
    }),
    text(`${shorten(op, 22)}  ${shape}`, {
      x,
      y: y + 11,
      "text-anchor": "middle",
      "font-size": 10,
      fill: exit === undefined ? MUTED : PAPER,
    }),
    ...(isCutVertex[node] ? [diamond({ x: left, y }, line)] : []),
    ...(exit === undefined ? [] : [tag(model, exit, { x: x + NODE.width / 2 + 8, y })]),
  );
}

function diamond({ x, y }: Point, fill: string): string {
  return element("path", { d: `M${at({ x: x - 6, y })}l6,-6l6,6l-6,6z`, fill, stroke: PAPER });
}

function tag(model: Model, exit: number, { x, y }: Point): string {
  const { id, accuracy } = model.metadata.exits[exit]!;
  const share = accuracy === null ? "" : `, ${(100 * accuracy).toFixed(1)} %`;
  return text(`${id}${share}`, { x, y: y + 4, "font-weight": 700, fill: exitColor(exit, 0.3) });
}

function sizeText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
}

interface Legend {
  readonly markup: string;
  readonly width: number;
  readonly height: number;
}

function drawLegend({ model }: Drawing): Legend {
  const { id, exits } = model.metadata;
  const swatch = (attributes: Record<string, string | number>): string =>
    element("rect", { x: 0, y: -11, width: 26, height: 14, rx: 4, ...attributes });
  const rows: readonly (readonly [string, string])[] = [
    ...exits.map((exit, hue): [string, string] => [
      swatch({ fill: exitColor(hue, 0.93), stroke: exitColor(hue, 0.42) }),
      hue === 0 ? `${exit.id} needs it` : `${exit.id} is the earliest exit that needs it`,
    ]),
    [swatch({ fill: exitColor(0, 0.36), rx: 7 }), "an exit, with its top-1 accuracy"],
    [
      diamond({ x: 13, y: -4 }, exitColor(0, 0.42)),
      "a cut vertex: its tensor alone separates the image from the exit",
    ],
    [
      swatch({ fill: "#e9edf2" }),
      "a block of several nodes between cut vertices, with its closed heads; elsewhere each node is a block",
    ],
    [line({ stroke: INK, "stroke-width": 1.6 }), "a tensor that may be worth cutting"],
    [
      line({ stroke: LINE, "stroke-width": 1.2, "stroke-dasharray": "2 4" }),
      "contracted: under no conditions is the mean latency least only when cut here",
    ],
  ];
  const sizes = "output shapes without the batch; sizes as uint8 on the wire, a quarter of float32";
  return {
    markup: [
      text(`${id}: ${model.nodes.length} nodes, ${exits.length} exits`, {
        x: 0,
        y: 12,
        "font-size": 17,
        "font-weight": 700,
      }),
      ...rows.map(([mark, label], row) =>
        element(
          "g",
          { transform: `translate(0 ${44 + row * LEGEND_LINE})` },
          mark,
          text(label, { x: 36, y: 0 }),
        ),
      ),
      text(sizes, { x: 0, y: 44 + rows.length * LEGEND_LINE, fill: MUTED }),
    ].join(""),
    width: 36 + Math.max(...rows.map(([, label]) => textWidth(label))),
    height: 44 + (rows.length + 0.5) * LEGEND_LINE,
  };
}

function line(attributes: Record<string, string | number>): string {
  return element("path", { d: "M0,-4h26", fill: "none", ...attributes });
}

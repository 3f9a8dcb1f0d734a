import { Graph, layout } from "@dagrejs/dagre";
import { ancestors, blocks, type Dag, subgraph } from "#shared/graph";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where to draw a model's DAG, in pixels; the trunk's cut vertices stand at x = 0, the input at y = 0. */
export interface GraphLayout {
  /** Centre of every node. */
  readonly nodes: readonly Point[];
  readonly arcs: readonly { readonly from: number; readonly to: number; readonly bends: readonly Point[] }[];
  readonly blocks: readonly BlockPlace[];
  /** Where the lane of earlier exits starts; everything of the trunk is left of it. */
  readonly laneLeft: number;
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
}

/** A block of the last exit's DAG. */
export interface BlockPlace {
  /** Of the whole DAG, without the vertex that it starts after. */
  readonly nodes: readonly number[];
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface NodeSize {
  readonly width: number;
  readonly height: number;
}

const GAP = { rows: 24, columns: 22, lane: 60, band: 10 };

/**
 * Lays out a model's DAG from top to bottom.
 *
 * The trunk is what the last exit needs, a chain of blocks: each is laid out by itself (dagre: Gansner et al.,
 * 1993) and hung below the one before, so cut vertices form a straight line and time stays near-linear. What
 * only earlier exits need stands in a lane to the right, beside the node that it starts from.
 *
 * @param exits nodes of the exits, earliest first; together they need every node
 */
export function layOutGraph(dag: Dag, exits: readonly number[], size: NodeSize): GraphLayout {
  const places = new Map<number, Point>([[0, { x: 0, y: 0 }]]);
  const bends = new Map<string, readonly Point[]>();
  const key = (from: number, to: number): string => `${from} ${to}`;
  const inTrunk = ancestors(dag, exits.at(-1)!);
  const trunk = dag.names.map((_, node) => node).filter((node) => inTrunk[node]);

  const bands = blocks(subgraph(dag, inTrunk)).map(({ after, nodes }): BlockPlace => {
    const members = [after, ...nodes].map((node) => trunk[node]!);
    const [start, end] = [members[0]!, members.at(-1)!];
    const drawn = arrange(dag, members, size);
    const shift = (point: Point): Point => ({
      x: point.x - drawn.nodes.get(end)!.x,
      y: point.y - drawn.nodes.get(start)!.y + places.get(start)!.y,
    });
    for (const node of members.slice(1)) places.set(node, shift(drawn.nodes.get(node)!));
    for (const arc of drawn.arcs) bends.set(key(arc.from, arc.to), arc.bends.map(shift));
    const xs = [
      ...members.slice(1).flatMap((node) => edges(places.get(node)!.x, size.width)),
      ...drawn.arcs.flatMap((arc) => bends.get(key(arc.from, arc.to))!.map(({ x }) => x)),
    ];
    return {
      nodes: members.slice(1),
      left: Math.min(...xs) - GAP.band,
      right: Math.max(...xs) + GAP.band,
      top: places.get(start)!.y + size.height / 2 + GAP.rows / 4,
      bottom: places.get(end)!.y + size.height / 2 + GAP.rows / 8,
    };
  });

  const laneLeft = Math.max(size.width / 2, ...bands.map(({ right }) => right)) + GAP.lane;
  let laneBottom = -Infinity;
  for (const exit of exits) {
    const needed = ancestors(dag, exit);
    const own = dag.names.map((_, node) => node).filter((node) => needed[node] && !places.has(node));
    if (own.length === 0) continue;
    const drawn = arrange(dag, own, size);
    const points = [...drawn.nodes.values()];
    const [minX, minY] = [Math.min(...points.map(({ x }) => x)), Math.min(...points.map(({ y }) => y))];
    const from = own.flatMap((node) => dag.predecessors[node]!).flatMap((node) => places.get(node)?.y ?? []);
    const top = Math.max(Math.max(0, ...from), laneBottom + size.height + 2 * GAP.rows);
    const shift = (point: Point): Point => ({
      x: point.x - minX + laneLeft + size.width / 2,
      y: point.y - minY + top,
    });
    for (const [node, point] of drawn.nodes) places.set(node, shift(point));
    for (const arc of drawn.arcs) bends.set(key(arc.from, arc.to), arc.bends.map(shift));
    laneBottom = Math.max(...own.map((node) => places.get(node)!.y));
  }

  const nodes = dag.names.map((_, node) => places.get(node)!);
  return {
    nodes,
    arcs: dag.successors.flatMap((readers, from) =>
      readers.map((to) => ({ from, to, bends: bends.get(key(from, to)) ?? [] })),
    ),
    blocks: bands,
    laneLeft,
    left: Math.min(-size.width / 2, ...bands.map(({ left }) => left)),
    right: Math.max(...nodes.map(({ x }) => x + size.width / 2), ...bands.map(({ right }) => right)),
    bottom: Math.max(...nodes.map(({ y }) => y + size.height / 2)),
  };
}

function edges(centre: number, width: number): readonly number[] {
  return [centre - width / 2, centre + width / 2];
}

interface Arrangement {
  readonly nodes: ReadonlyMap<number, Point>;
  readonly arcs: readonly { readonly from: number; readonly to: number; readonly bends: readonly Point[] }[];
}

/** Some nodes and the arcs between them, by dagre. An arc's bends lie between its ends. */
function arrange(dag: Dag, members: readonly number[], size: NodeSize): Arrangement {
  const [first, second, ...more] = members;
  if (second !== undefined && more.length === 0 && dag.successors[first!]!.includes(second)) {
    const below = { x: 0, y: size.height + GAP.rows };
    return {
      nodes: new Map([
        [first!, { x: 0, y: 0 }],
        [second, below],
      ]),
      arcs: [{ from: first!, to: second, bends: [] }],
    };
  }

  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", ranksep: GAP.rows, nodesep: GAP.columns, edgesep: GAP.columns });
  graph.setDefaultEdgeLabel(() => ({}));
  const inside = new Set(members);
  for (const node of members) graph.setNode(`${node}`, { ...size });
  const arcs = members.flatMap((from) =>
    dag.successors[from]!.filter((to) => inside.has(to)).map((to) => ({ from, to })),
  );
  for (const { from, to } of arcs) graph.setEdge(`${from}`, `${to}`);
  layout(graph);
  const point = ({ x, y }: { x?: number | undefined; y?: number | undefined }): Point => ({ x: x!, y: y! });
  return {
    nodes: new Map(members.map((node) => [node, point(graph.node(`${node}`))])),
    arcs: arcs.map((arc) => {
      const { points = [] } = graph.edge(`${arc.from}`, `${arc.to}`);
      return { ...arc, bends: points.slice(1, -1).map(point) };
    }),
  };
}

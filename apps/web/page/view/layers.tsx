import { Graph, layout } from "@dagrejs/dagre";
import { useMemo, useState } from "preact/hooks";
import type { ModelSummary } from "../../talk/edge.ts";
import { model, nodeFacts } from "../control/store.ts";
import type { Block } from "../graph/fold.ts";
import { formatBytes, formatMs, formatOf100 } from "../words/format.ts";

const SIZE = { width: 104, height: 30 };
const ZOOMS = [0.6, 0.8, 1, 1.3, 1.7];

/** A block unfolded: its layers as a graph, laid out by dagre. One that is chosen tells what it makes and takes. */
export function Layers({ block }: { readonly block: Block }) {
  const known = model.value!;
  const drawing = useMemo(() => arrange(known, block), [known, block]);
  const [chosen, setChosen] = useState(block.nodes.at(-1)!);
  const [zoom, setZoom] = useState(2);
  const scale = ZOOMS[zoom]!;
  return (
    <div class="layers">
      <div class="layers-zoom">
        <button
          type="button"
          class="tap"
          aria-label="Smaller"
          disabled={zoom === 0}
          onClick={() => setZoom(zoom - 1)}
        >
          −
        </button>
        <button
          type="button"
          class="tap"
          aria-label="Larger"
          disabled={zoom === ZOOMS.length - 1}
          onClick={() => setZoom(zoom + 1)}
        >
          +
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys. */}
      <div class="layers-scroll" tabIndex={0} role="group" aria-label={`Layers of block ${block.number}`}>
        <svg
          class="graph"
          viewBox={`0 0 ${drawing.width} ${drawing.height}`}
          width={drawing.width * scale}
          height={drawing.height * scale}
          role="group"
          aria-label={`${block.nodes.length} layers`}
        >
          {drawing.arcs.map(({ key, path }) => (
            <path key={key} class="stem" d={path} />
          ))}
          {drawing.nodes.map(({ name, x, y }) => (
            <g
              key={name}
              role="button"
              tabIndex={0}
              aria-label={name}
              aria-pressed={chosen === name}
              onClick={() => setChosen(name)}
              onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                setChosen(name);
              }}
            >
              <rect
                class={chosen === name ? "layer on" : "layer"}
                x={x - SIZE.width / 2}
                y={y - SIZE.height / 2}
                {...SIZE}
                rx={8}
              />
              <text x={x} y={y + 4.5} text-anchor="middle" class={chosen === name ? "inv" : undefined}>
                {name.split("/").at(-1)}
              </text>
            </g>
          ))}
        </svg>
      </div>
      <Facts name={chosen} />
    </div>
  );
}

/** What a layer makes and takes, and what its tensor costs to send. */
function Facts({ name }: { readonly name: string }) {
  const facts = nodeFacts.value.find((one) => one.name === name);
  if (facts === undefined) return null;
  return (
    <table class="facts">
      <caption>{name}</caption>
      <tbody>
        <tr>
          <th scope="row">makes</th>
          <td>{facts.shape.join(" × ")}</td>
        </tr>
        <tr>
          <th scope="row">takes here, there</th>
          <td>
            {formatMs(facts.edgeMs)}, {formatMs(facts.cloudMs)}
          </td>
        </tr>
        {facts.codecs.slice(0, 8).map(({ codec, bytes, loss }) => (
          <tr key={codec}>
            <th scope="row">{codec}</th>
            <td>
              {formatBytes(bytes)}
              {loss !== null && `, ${lossWords(loss)}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function lossWords(loss: number): string {
  return loss <= 0 ? "loses nothing" : `loses ${formatOf100(loss)} of 100`;
}

interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly { readonly name: string; readonly x: number; readonly y: number }[];
  readonly arcs: readonly { readonly key: string; readonly path: string }[];
}

function arrange({ nodes }: ModelSummary, block: Block): Drawing {
  const inside = new Set(block.nodes);
  const graph = new Graph();
  graph.setGraph({ rankdir: "TB", ranksep: 22, nodesep: 14, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of block.nodes) graph.setNode(name, { ...SIZE });
  for (const { name, predecessors } of nodes) {
    if (!inside.has(name)) continue;
    for (const from of predecessors) {
      const before = nodes[from]!.name;
      if (inside.has(before)) graph.setEdge(before, name);
    }
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: block.nodes.map((name) => {
      const { x = 0, y = 0 } = graph.node(name);
      return { name, x, y };
    }),
    arcs: graph.edges().map((edge) => {
      const { points = [] } = graph.edge(edge);
      return {
        key: `${edge.v} ${edge.w}`,
        path: `M${points.map((point: { x: number; y: number }) => `${point.x} ${point.y}`).join("L")}`,
      };
    }),
  };
}

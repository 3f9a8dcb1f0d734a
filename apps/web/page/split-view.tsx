import type { Answer, ModelSummary } from "../edge/conversation.ts";
import { layOut } from "./graph-layout.ts";
import { answer, model, summary } from "./store.ts";

/** The model's DAG, from the image on the left: what ran on the edge, what in the cloud, what not at all. */
export function SplitView() {
  const known = model.value;
  const last = answer.value;
  if (known === null) return null;
  const plan = last === null ? summary.value?.plan : whatRan(last, known);
  if (plan === undefined || plan === null) return null;
  const { nodes, edges, columns, rows } = layOut(known.nodes);
  const exitAt = known.nodes.findIndex(
    ({ name }) => name === known.exits.find(({ id }) => id === plan.exit)?.node,
  );
  const needed = ancestorsOf(known.nodes, exitAt);
  const head = new Set(plan.head);
  const place = (at: number): string =>
    head.has(known.nodes[at]!.name) ? "edge" : needed.has(at) ? "cloud" : "unused";
  const exitNodes = new Map(known.exits.map(({ node }, at) => [node, at + 1]));
  const [dx, dy] = [12, 14];
  const radius = 4;
  const counts = { edge: head.size - 1, cloud: needed.size - head.size };
  const title = `${counts.edge} nodes on the edge, ${counts.cloud} in the cloud, up to exit ${plan.exit}`;
  return (
    <section class="card split">
      <svg
        viewBox={`-1 0 ${columns * dx + 2} ${rows * dy + 8}`}
        style={{ maxHeight: `${14 * rows + 20}px` }}
        role="img"
        aria-label={title}
      >
        <title>{title}</title>
        {edges.map(({ from, to }) => {
          const [a, b] = [nodes[from]!, nodes[to]!];
          const crosses = place(from) === "edge" && place(to) === "cloud";
          return (
            <line
              key={`${from}-${to}`}
              class={crosses ? "cut" : place(to)}
              x1={a.column * dx + dx / 2}
              y1={a.row * dy + dy / 2}
              x2={b.column * dx + dx / 2}
              y2={b.row * dy + dy / 2}
            />
          );
        })}
        {nodes.map(({ column, row }, at) => {
          const { name } = known.nodes[at]!;
          const exit = exitNodes.get(name);
          const [x, y] = [column * dx + dx / 2, row * dy + dy / 2];
          return exit === undefined ? (
            <circle key={name} class={place(at)} cx={x} cy={y} r={at === 0 ? radius + 1 : radius} />
          ) : (
            <g key={name} class={exitAt === at ? "exit taken" : "exit"}>
              <rect class={place(at)} x={x - 5.5} y={y - 5.5} width={11} height={11} rx={2} />
              <text x={x} y={y + 3}>
                {exit}
              </text>
            </g>
          );
        })}
      </svg>
      <ul class="legend">
        <li>
          <i class="edge" /> this device
        </li>
        <li>
          <i class="cloud" /> cloud
        </li>
        <li>
          <i class="unused" /> not needed
        </li>
        <li>
          <b>1</b> exits
        </li>
      </ul>
    </section>
  );
}

/** The plan, or the way to the early exit that was sure: what lies behind it did not run. */
function whatRan({ plan, source, exit }: Answer, { exits, nodes }: ModelSummary): Answer["plan"] {
  if (source !== "edge" || exit === plan.exit) return plan;
  const at = nodes.findIndex(({ name }) => name === exits.find(({ id }) => id === exit)?.node);
  return { exit, head: [...ancestorsOf(nodes, at)].map((node) => nodes[node]!.name) };
}

function ancestorsOf(
  nodes: readonly { readonly predecessors: readonly number[] }[],
  at: number,
): Set<number> {
  const found = new Set([at]);
  // Topological order: everything a node needs comes before it.
  for (let node = at; node >= 0; node--) {
    if (found.has(node)) for (const from of nodes[node]!.predecessors) found.add(from);
  }
  return found;
}

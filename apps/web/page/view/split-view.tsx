import { answer, model, summary } from "../control/store.ts";
import { layOut } from "./graph-layout.ts";
import { type Places, placesOfPlan, placesOfRun } from "./places.ts";

/** The model's DAG, from the image on the left: what ran on the edge, what in the cloud, what not at all. */
export function SplitView() {
  const known = model.value;
  const places = shownPlaces();
  if (known === null || places === null) return null;
  const { nodes, edges, columns, rows } = layOut(known.nodes);
  const place = (at: number): Places["of"][number] => places.of[at]!;
  const exitNodes = new Map(known.exits.map(({ node }, at) => [node, at + 1]));
  const taken = known.exits.find(({ id }) => id === places.exit)?.node;
  const [dx, dy] = [12, 14];
  const radius = 4;
  const title = `${places.edge} nodes on the edge, ${places.cloud} in the cloud, up to exit ${places.exit}`;
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
            <g key={name} class={name === taken ? "exit taken" : "exit"}>
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

/** Of the last answer; before there is one, of the plan for it. */
function shownPlaces(): Places | null {
  const known = model.value;
  const last = answer.value;
  const plan = summary.value?.plan ?? null;
  if (known === null) return null;
  if (last !== null) return placesOfRun(last, known);
  return plan === null ? null : placesOfPlan(plan, known);
}

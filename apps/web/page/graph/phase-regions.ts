import type { PhaseMap } from "../../client/index.ts";
import type { ModelSummary } from "../../talk/edge.ts";
import { neededFor, type WayKind } from "../words/way.ts";

/** Neighbours in a row of a map that are planned the same way: columns `from` to before `to`. */
export interface Run {
  readonly kind: WayKind;
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/** A way and the middle of where it is chosen. */
export interface RegionName {
  readonly kind: WayKind;
  readonly column: number;
  readonly row: number;
}

/** Share of a map that a way must have to be named on it. */
const NAMED = 0.04;

/** What a map shows: runs of one way, and the ways' names where they fit best. */
export function regionsOf(
  map: PhaseMap,
  model: ModelSummary,
): { readonly runs: readonly Run[]; readonly names: readonly RegionName[] } {
  const runs = runsOf(map, kindsOf(map, model));
  const kinds = [...new Set(runs.map(({ kind }) => kind))];
  const names = kinds.flatMap((kind) => nameOf(kind, runs, map));
  return { runs, names };
}

function kindsOf({ kinds }: PhaseMap, model: ModelSummary): readonly (WayKind | null)[] {
  const last = model.exits.at(-1)!.id;
  const whole = new Map(model.exits.map(({ id }) => [id, neededFor(id, model).length]));
  return kinds.map((one) => {
    if (one === null) return null;
    if (one.nodes <= 1) return "all-cloud";
    if (one.nodes < whole.get(one.exit)!) return "split";
    return one.exit === last ? "all-edge" : "early-edge";
  });
}

function runsOf({ columns, rows }: PhaseMap, kinds: readonly (WayKind | null)[]): readonly Run[] {
  const runs: Run[] = [];
  for (let row = 0; row < rows; row++) {
    let from = 0;
    for (let column = 1; column <= columns; column++) {
      const kind = kinds[row * columns + from]!;
      if (column < columns && kinds[row * columns + column] === kind) continue;
      if (kind !== null) runs.push({ kind, row, from, to: column });
      from = column;
    }
  }
  return runs;
}

/** In the middle of its longest runs, so that it lies on its own ground; none where there is too little of it. */
function nameOf(kind: WayKind, runs: readonly Run[], { columns, rows }: PhaseMap): readonly RegionName[] {
  const own = runs.filter((run) => run.kind === kind);
  const area = own.reduce((sum, { from, to }) => sum + to - from, 0);
  if (area < NAMED * columns * rows) return [];
  const row = own.reduce((sum, run) => sum + (run.row + 0.5) * (run.to - run.from), 0) / area;
  const close = own.filter((run) => Math.abs(run.row + 0.5 - row) < 2);
  const longest = (close.length > 0 ? close : own).reduce((best, run) =>
    run.to - run.from > best.to - best.from ? run : best,
  );
  return [{ kind, column: (longest.from + longest.to) / 2, row: longest.row + 0.5 }];
}

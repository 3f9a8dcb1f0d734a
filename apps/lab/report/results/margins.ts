import { POLICIES, type PolicyName, policyKind } from "#shared/policies";
import { INSURED } from "../../simulate/policy/pilots.ts";
import { bootstrap, type Estimate } from "./bootstrap.ts";
import type { CellResult } from "./cell.ts";
import {
  cellsOf,
  fpsOfCell,
  geometricRatio,
  inTime,
  msOfCell,
  policiesOf,
  rightInTime,
  shareOf,
} from "./sums.ts";

/** How far EDDI is ahead of somebody; negative where it is behind. */
export interface Margin {
  readonly what: string;
  /** All models together, or one. */
  readonly model: string;
  readonly against: string;
  readonly unit: "points" | "%";
  readonly estimate: Estimate;
  /** What the paper tells on average, or what is aimed at; null for none. */
  readonly aim: number | null;
  /** How far the clairvoyant is ahead of the same: what there is to gain. Null where that says nothing. */
  readonly ceiling: number | null;
}

export function margins(results: readonly CellResult[], models: readonly string[]): readonly Margin[] {
  return [null, ...models].flatMap((model) => [
    ...accuracyMargins(populationOf(results, model), model, "accuracy in time, population"),
    ...accuracyMargins(
      cellsOf(results, "budgets", model).filter(isCompared),
      model,
      "accuracy in time, all traces",
    ),
    ...promiseMargins(cellsOf(results, "budgets", model), model),
    ...ratioMargins(cellsOf(results, "uplinks", model), model, "latency", msOfCell, LESS, 3.3),
    ...ratioMargins(cellsOf(results, "uplinks", model), model, "speed-up, network varied", msOfCell, MORE, 8),
    ...ratioMargins(
      cellsOf(results, "capacity", model),
      model,
      "speed-up, cloud capacity varied",
      msOfCell,
      MORE,
      4,
    ),
    ...ratioMargins(cellsOf(results, "load", model), model, "throughput", fpsOfCell, GAIN, 3),
  ]);
}

/** With the models' own work; what counts by weight counts so in each round of the bootstrap. */
function populationOf(results: readonly CellResult[], model: string | null): readonly CellResult[] {
  return cellsOf(results, "population", model).filter(({ cell }) => cell.workScale === 1);
}

/** Slow-downs 4 to 20 and budgets 60 to 600 ms: where there is something to choose. */
function isCompared({ cell }: CellResult): boolean {
  const { slowdown, budgetMs } = cell.at as { slowdown: number; budgetMs: number };
  return slowdown >= 4 && budgetMs >= 60 && budgetMs <= 600;
}

type Group = "published" | "published, insured" | "trivial" | "trivial, insured";

function groupOf(policy: string): Group | null {
  const isInsured = policy.endsWith(INSURED);
  const bare = isInsured ? policy.slice(0, -INSURED.length) : policy;
  if (!Object.hasOwn(POLICIES, bare)) return null;
  const kind = policyKind(bare as PolicyName);
  return isInsured ? `${kind}, insured` : kind;
}

function accuracyMargins(
  cells: readonly CellResult[],
  model: string | null,
  what: string,
): readonly Margin[] {
  if (cells.length === 0) return [];
  const share = (own: readonly CellResult[], policy: string): number => shareOf(own, policy, rightInTime);
  const rivals = bestOfGroups(cells, (policy) => share(cells, policy));
  const points = (own: readonly CellResult[], who: string, policy: string): number =>
    100 * (share(own, who) - share(own, policy));
  const relative = (own: readonly CellResult[], who: string, policy: string): number =>
    100 * (share(own, who) / share(own, policy) - 1);
  const of = (
    against: string,
    policy: string,
    unit: Margin["unit"],
    ahead: typeof points,
    aim: number | null,
  ): Margin => ({
    what,
    model: model ?? "all",
    against,
    unit,
    estimate: bootstrap(cells, (own) => ahead(own, "eddi", policy)),
    aim,
    ceiling: policy === ORACLE ? null : ahead(cells, ORACLE, policy),
  });
  return [
    ...rivals.flatMap(({ group, policy }): Margin[] => {
      const against = `best ${group}: ${policy}`;
      const aim = group.startsWith("published") ? 10.6 : null;
      return [of(against, policy, "points", points, null), of(against, policy, "%", relative, aim)];
    }),
    of("edge-only", "edge-only", "points", points, 1.5),
    of(ORACLE, ORACLE, "points", points, -1),
  ];
}

const ORACLE = "clairvoyant";

function promiseMargins(cells: readonly CellResult[], model: string | null): readonly Margin[] {
  if (cells.length === 0) return [];
  const against = "rows that can be kept in time";
  return [
    {
      what: "promise",
      model: model ?? "all",
      against,
      unit: "%",
      estimate: promise(cells),
      aim: 97,
      ceiling: null,
    },
  ];
}

/** Of the rows in which the clairvoyant keeps 95 % in time: the share in which EDDI does. */
function promise(cells: readonly CellResult[]): Estimate {
  const rows = [...rowsOf(cells).values()];
  const kept = (own: readonly CellResult[], policy: string): boolean => shareOf(own, policy, inTime) >= 0.95;
  return bootstrap(rows, (drawn) => {
    const possible = drawn.filter((row) => kept(row, "clairvoyant"));
    return possible.length === 0
      ? 100
      : (100 * possible.filter((row) => kept(row, "eddi")).length) / possible.length;
  });
}

/** Cells of a model, slow-down and budget: all traces. */
export function rowsOf(cells: readonly CellResult[]): ReadonlyMap<string, readonly CellResult[]> {
  const rows = new Map<string, CellResult[]>();
  for (const result of cells) {
    const { model, at } = result.cell;
    const key = `${model}, x${at.slowdown}, ${at.budgetMs} ms`;
    rows.set(key, [...(rows.get(key) ?? []), result]);
  }
  return rows;
}

/** In percent, from how many times EDDI's number is a rival's. */
const LESS = (ratio: number): number => 100 * (1 - ratio);
const MORE = (ratio: number): number => 100 * (1 / ratio - 1);
const GAIN = (ratio: number): number => 100 * (ratio - 1);

function ratioMargins(
  cells: readonly CellResult[],
  model: string | null,
  what: string,
  number: (cell: CellResult, policy: string) => number,
  margin: (ratio: number) => number,
  aim: number,
): readonly Margin[] {
  if (cells.length === 0) return [];
  const ahead = (own: readonly CellResult[], policy: string, who = "eddi"): number =>
    margin(geometricRatio(own, number, who, policy));
  const rivals = bestOfGroups(cells, (policy) => -ahead(cells, policy));
  const of = (against: string, policy: string, wanted: number | null): Margin => ({
    what,
    model: model ?? "all",
    against,
    unit: "%",
    estimate: bootstrap(cells, (own) => ahead(own, policy)),
    aim: wanted,
    ceiling: policy === ORACLE ? null : ahead(cells, policy, ORACLE),
  });
  return [
    ...rivals.map(({ group, policy }) =>
      of(`best ${group}: ${policy}`, policy, group.startsWith("published") ? aim : null),
    ),
    of(ORACLE, ORACLE, null),
  ];
}

/** The best policy of each group by its own number, the higher the better. */
function bestOfGroups(
  cells: readonly CellResult[],
  number: (policy: string) => number,
): readonly { readonly group: Group; readonly policy: string }[] {
  const groups = new Map<Group, { readonly policy: string; readonly value: number }>();
  for (const policy of policiesOf(cells)) {
    const group = groupOf(policy);
    if (group === null) continue;
    const value = number(policy);
    const best = groups.get(group);
    if (best === undefined || value > best.value) groups.set(group, { policy, value });
  }
  return [...groups].map(([group, { policy }]) => ({ group, policy }));
}

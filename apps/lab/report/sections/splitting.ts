import { flagshipOf, WISHES } from "../cells/list-cells.ts";
import { bootstrap, type Estimate } from "../results/bootstrap.ts";
import type { CellResult, Wish } from "../results/cell.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, meanMs, policiesOf, quantileMs, rightInTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, section } from "./html.ts";

/** What cuts inside the DAG and the codecs fitted to them buy, over the population. */
export function splittingSection({ results, made }: Report): string {
  const byWish = (model: string, wish: Wish): readonly CellResult[] =>
    cellsOf(results, "splitting", model).filter(({ cell }) => cell.at.wish === wish);
  const tables = made.models.flatMap((model) =>
    WISHES.map((wish) => `<h3>${model}, ${WORDS[wish]}</h3>${policyTable(byWish(model, wish))}`),
  );
  const flagship = flagshipOf(made.models.map((id) => ({ id }))).id;
  const groups = (["radio", "device"] as const).flatMap((by) =>
    WISHES.map(
      (wish) => `<h3>${flagship}, ${WORDS[wish]}, by ${by}</h3>${groupTable(byWish(flagship, wish), by)}`,
    ),
  );
  return section(
    "What cuts inside the DAG buy",
    "The population's fixed strata, each counted by its weight. EDDI, the same without the codecs that were fitted to tensors, without any cut inside the DAG, and the trivial ways. Inner: the share of answers whose tensors crossed inside the DAG. Differences to EDDI with their 95 % intervals over users; percent, points and ms.",
    ...tables,
    ...groups,
  );
}

const WORDS: Readonly<Record<Wish, string>> = {
  budget: "the best answer within each user's budget",
  floor: "the fastest answer above each user's accuracy floor",
};

function policyTable(cells: readonly CellResult[]): string {
  const rows = policiesOf(cells).map((policy): Cell[] => {
    const points = bootstrap(
      cells,
      (own) => 100 * (shareOf(own, policy, rightInTime) - shareOf(own, "eddi", rightInTime)),
    );
    const answered = answeredBy(cells, ["eddi", policy]);
    const ms = bootstrap(answered, (own) => meanMs(own, policy) - meanMs(own, "eddi"));
    const isEddi = policy === "eddi";
    return [
      policy,
      (100 * shareOf(cells, policy, inner)).toFixed(1),
      (100 * shareOf(cells, policy, rightInTime)).toFixed(1),
      isEddi ? "" : { text: interval(points, 1), as: points.value > 0 ? "bad" : "good" },
      millis(meanMs(answered, policy)),
      isEddi ? "" : { text: interval(ms, 0), as: ms.value < 0 ? "bad" : "good" },
      quantileMs(answered, policy, 0.95).toFixed(0),
    ];
  });
  return htmlTable(["", "inner", "right in time", "points", "mean ms", "ms", "p95"], rows);
}

/** Of each radio or kind of phone: how often a cut is inside, and what answers take by whom. */
function groupTable(cells: readonly CellResult[], by: "radio" | "device"): string {
  const names = [...new Set(cells.map(({ cell }) => String(cell.at[by])))];
  const rows = names.map((name): Cell[] => {
    const own = cells.filter(({ cell }) => cell.at[by] === name);
    const weight = own.reduce((sum, { cell }) => sum + cell.weight, 0);
    return [
      name,
      (100 * weight).toFixed(1),
      (100 * shareOf(own, "eddi", inner)).toFixed(1),
      ...IN_GROUPS.flatMap((policy) => [
        (100 * shareOf(own, policy, rightInTime)).toFixed(1),
        millis(meanMs(answeredBy(own, IN_GROUPS), policy)),
      ]),
    ];
  });
  const columns = IN_GROUPS.flatMap((policy) => [`${policy}: right in time`, "mean ms"]);
  return htmlTable([by, "of users", "inner", ...columns], rows);
}

const IN_GROUPS = ["eddi", "eddi-no-fitted", "edge-only", "cloud-webp"];

const inner = (tally: { readonly inner: number }): number => tally.inner;

/** Cells in which each of these answered something. */
function answeredBy(cells: readonly CellResult[], policies: readonly string[]): readonly CellResult[] {
  return cells.filter(({ tallies }) => policies.every((policy) => tallies[policy]!.times.length > 0));
}

/** Where somebody answered nothing there is nothing to tell. */
const millis = (ms: number): string => (Number.isNaN(ms) ? "-" : ms.toFixed(0));

function interval({ value, low, high }: Estimate, digits: number): string {
  return `${value.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

import { ALL_HARDSHIPS, HARDSHIPS, IN_HARDSHIPS, NO_HARDSHIP } from "../cells/list-cells.ts";
import { bootstrap } from "../results/bootstrap.ts";
import type { CellResult } from "../results/cell.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, inTime, shareOf } from "../results/sums.ts";
import { type Cell, htmlTable, section } from "./html.ts";

/** The same photos in a world without hardships and in another. */
interface Pair {
  readonly spared: CellResult;
  readonly hard: CellResult;
}

/** What each part of the world costs that profiles and probes do not tell. */
export function hardshipsSection({ results }: Report): string {
  const cells = cellsOf(results, "hardships");
  const withHardship = (name: string): readonly CellResult[] =>
    cells.filter(({ cell }) => cell.at.hardship === name);
  const spared = withHardship(NO_HARDSHIP);
  const rows = [...HARDSHIPS, ALL_HARDSHIPS].map((name) =>
    row(
      name,
      withHardship(name).map((hard, at) => ({ spared: spared[at]!, hard })),
    ),
  );
  const without = IN_HARDSHIPS.map(
    (policy) => `${policy} ${(100 * shareOf(spared, policy, inTime)).toFixed(1)}`,
  );
  return section(
    `What each hardship costs (${cells[0]?.cell.model ?? ""})`,
    `Answers in time in a world with one of the hardships, less those in a world with none: points, of EDDI with 95 % intervals; slow-downs 4 and 10, budgets 150 and 300 ms, all traces, 80 s each. Without any, percent: ${without.join(", ")}.`,
    htmlTable(["", ...IN_HARDSHIPS, "interval of eddi"], rows),
  );
}

function row(name: string, pairs: readonly Pair[]): readonly Cell[] {
  const points = (own: readonly Pair[], policy: string): number => {
    const share = (of: keyof Pair): number =>
      shareOf(
        own.map((pair) => pair[of]),
        policy,
        inTime,
      );
    return 100 * (share("hard") - share("spared"));
  };
  const { low, high } = bootstrap(pairs, (own) => points(own, "eddi"));
  return [
    name,
    ...IN_HARDSHIPS.map((policy) => points(pairs, policy).toFixed(1)),
    `${low.toFixed(1)} to ${high.toFixed(1)}`,
  ];
}

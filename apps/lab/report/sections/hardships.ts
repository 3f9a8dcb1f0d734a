import {
  ALL_HARDSHIPS,
  HARD_BUDGETS_MS,
  HARD_EVERY_MS,
  HARD_SLOWDOWNS,
  HARDSHIPS,
  IN_HARDSHIPS,
  NO_HARDSHIP,
} from "../cells/hardship-cells.ts";
import { bootstrap } from "../results/bootstrap.ts";
import type { CellResult } from "../results/cell.ts";
import type { Report } from "../results/report.ts";
import { cellsOf, inTime, rightInTime, shareOf } from "../results/sums.ts";
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
  const shares = PARTS.map(({ name, part }) => {
    const each = IN_HARDSHIPS.map(
      (policy) => `${policy} ${(100 * shareOf(spared, policy, part)).toFixed(1)}`,
    );
    return `${name} ${each.join(", ")}`;
  });
  return section(
    `What each hardship costs (${cells[0]?.cell.model ?? ""})`,
    `Answers in time, and right ones in time, in a world with one of the hardships, less those in a world with none: points, of EDDI with 95 % intervals; slow-downs ${HARD_SLOWDOWNS.join(" and ")}, budgets ${HARD_BUDGETS_MS.join(" and ")} ms, all traces, a photo each ${HARD_EVERY_MS} ms. Without any, percent: ${shares.join("; ")}.`,
    htmlTable(["", ...PARTS.flatMap(({ name }) => IN_HARDSHIPS.map((policy) => `${name}: ${policy}`))], rows),
  );
}

const PARTS = [
  { name: "in time", part: inTime },
  { name: "right", part: rightInTime },
] as const;

function row(name: string, pairs: readonly Pair[]): readonly Cell[] {
  const cells = PARTS.flatMap(({ part }) =>
    IN_HARDSHIPS.map((policy) => {
      const points = (own: readonly Pair[]): number => {
        const share = (of: keyof Pair): number =>
          shareOf(
            own.map((pair) => pair[of]),
            policy,
            part,
          );
        return 100 * (share("hard") - share("spared"));
      };
      if (policy !== "eddi") return points(pairs).toFixed(1);
      const { value, low, high } = bootstrap(pairs, points);
      return `${value.toFixed(1)} (${low.toFixed(1)} to ${high.toFixed(1)})`;
    }),
  );
  return [name, ...cells];
}

import type { Axis, Line } from "../plots/line-plot.ts";
import type { CellResult } from "../results/cell.ts";
import { legend } from "./html.ts";

export const percent = (value: number): string => `${Math.round(100 * value)}`;

export const UPLINK: Axis = {
  label: "uplink, Mbit/s",
  isLog: true,
  ticks: [0.05, 0.13, 0.3, 1.1, 5.85, 18.88, 50],
};

/** Lines of some policies over one of the numbers that tell cells apart. */
export function linesOver(
  cells: readonly CellResult[],
  policies: readonly string[],
  key: string,
  number: (own: readonly CellResult[], policy: string) => number,
): readonly Line[] {
  const places = [...new Set(cells.map(({ cell }) => Number(cell.at[key])))].sort((a, b) => a - b);
  return policies.map((name, at) => ({
    name,
    color: colorOf(name, at),
    isDashed: name === "clairvoyant",
    points: places.map((place) => {
      const own = cells.filter(({ cell }) => Number(cell.at[key]) === place);
      return [place, number(own, name)] as const;
    }),
  }));
}

/** EDDI's is the first, the oracle's the last. */
export function colorOf(name: string, at: number): number {
  if (name === "eddi") return 0;
  return name === "clairvoyant" ? 8 : 1 + ((at - 1) % 7);
}

export function legendOf(policies: readonly string[]): string {
  return legend(policies.map((name, at) => ({ name, color: colorOf(name, at) })));
}

import type { Feature } from "../../simulate/set-up/settings.ts";
import type { Cell, UsualWorld } from "../results/cell.ts";
import type { ReportTrace } from "./traces.ts";

/** What makes times other than profiles and probes tell. */
export const HARDSHIPS: readonly Feature[] = [
  "throttling",
  "other",
  "bursts",
  "wake-up",
  "slow-start",
  "bufferbloat",
];
export const NO_HARDSHIP = "none";
export const ALL_HARDSHIPS = "all";
export const IN_HARDSHIPS = ["eddi", "edge-only", "clairvoyant"];
export const HARD_SLOWDOWNS = [10, 20];
export const HARD_BUDGETS_MS = [200, 400];
/** Often and long enough for a phone to throttle. */
export const HARD_EVERY_MS = 600;

/**
 * A world spared of all hardships, of all but one, and of none.
 *
 * @param model an id
 */
export function hardshipCells(
  model: string,
  traces: readonly ReportTrace[],
  usual: UsualWorld,
  answers: number,
  seed: number,
): readonly Cell[] {
  const but = (left: string): readonly Feature[] => HARDSHIPS.filter((hardship) => hardship !== left);
  const worlds = [
    { hardship: NO_HARDSHIP, without: HARDSHIPS },
    ...HARDSHIPS.map((hardship) => ({ hardship, without: but(hardship) })),
    { hardship: ALL_HARDSHIPS, without: [] },
  ];
  return worlds.flatMap(({ hardship, without }) =>
    HARD_SLOWDOWNS.flatMap((slowdown) =>
      HARD_BUDGETS_MS.flatMap((budgetMs) =>
        traces.map(
          (trace, at): Cell => ({
            study: "hardships",
            model,
            workScale: 1,
            world: {
              ...usual,
              uplink: { file: trace.file, startMs: 0 },
              rttMs: trace.rttMs,
              slowdown,
              without,
              objective: { kind: "accuracy", budgetMs },
              answers,
              everyMs: HARD_EVERY_MS,
            },
            policies: IN_HARDSHIPS,
            seed: seed + 400 + at,
            at: { hardship, slowdown, budgetMs, trace: trace.name },
            weight: 1,
          }),
        ),
      ),
    ),
  );
}

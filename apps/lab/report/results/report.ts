import type { CellResult } from "./cell.ts";
import type { CutMap } from "./inner-cuts.ts";
import type { Margin } from "./margins.ts";

/** All that a run of the report came to: what is in report.json. */
export interface Report {
  readonly format: 1;
  readonly made: {
    readonly seed: number;
    readonly effort: number;
    readonly models: readonly string[];
    readonly traces: readonly string[];
    readonly answers: number;
  };
  readonly margins: readonly Margin[];
  readonly cutMaps: readonly CutMap[];
  readonly results: readonly CellResult[];
}

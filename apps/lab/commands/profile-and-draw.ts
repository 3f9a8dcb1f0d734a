import path from "node:path";
import type { StatusLine } from "../data/status-line.ts";
import { run as drawGraph } from "./graph.ts";
import { run as drawPhaseMap } from "./phase-map.ts";
import { run as profile } from "./profile.ts";

/**
 * What a model that has just been written is due: profiles on WASM and on the best backend of this machine, and
 * pictures of its DAG and its phase map, all in its folder.
 *
 * @param repeats timings of each segment; 0 leaves the profiles out
 */
export async function profileAndDraw(folder: string, repeats: number, status: StatusLine): Promise<void> {
  // A path with a separator is a path, not a name below models/.
  const model = `${path.dirname(folder)}${path.sep}${path.basename(folder)}`;
  if (repeats > 0) {
    for (const backend of ["wasm", "auto"]) {
      status.update(`profiling, backend ${backend}`);
      await profile([model, "--backend", backend, "--repeats", `${repeats}`]);
    }
  }
  await drawGraph([model, "--out", path.join(folder, "graph.svg")]);
  await drawPhaseMap([model, "--out", path.join(folder, "phase-map.svg")]);
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { EddiError } from "#shared/errors";
import type { StatusLine } from "../terminal/status-line.ts";
import { graphCommand } from "./graph.ts";
import { phaseMapCommand } from "./phase-map.ts";

const LAB = fileURLToPath(new URL("../main.ts", import.meta.url));

/**
 * What a model that has just been written is due: profiles of what can win, on WASM and on the best backend of this
 * machine, and pictures of its DAG and its phase map, all in its folder.
 *
 * @param repeats timings of each segment; 0 leaves the profiles out
 * @throws EddiError `internal` when a profile fails
 */
export async function profileAndDraw(folder: string, repeats: number, status: StatusLine): Promise<void> {
  const model = path.resolve(folder);
  if (repeats > 0) {
    for (const backend of ["wasm", "auto"]) {
      status.update(`profiling, backend ${backend}`);
      await profile([model, "--backend", backend, "--repeats", `${repeats}`, "--winning"]);
    }
  }
  await graphCommand.run([model, "--out", path.join(folder, "graph.svg")]);
  await phaseMapCommand.run([model, "--out", path.join(folder, "phase-map.svg")]);
}

/** In a process of its own: TensorFlow in this one has all threads, the service's workers have one each. */
async function profile(args: readonly string[]): Promise<void> {
  const command = ["--import", import.meta.resolve("tsx"), LAB, "profile", ...args];
  const [code] = await once(spawn(process.execPath, command, { stdio: "inherit" }), "exit");
  if (code !== 0)
    throw new EddiError("internal", `lab profile ${args.join(" ")}: expected it to end with 0, got ${code}`);
}

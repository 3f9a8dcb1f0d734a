import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { EddiError } from "#shared/errors";
import type { Draw } from "../population/draw.ts";
import { readPopulation } from "../population/read-population.ts";
import { sampleDraws } from "../population/sample.ts";
import { strataDraws } from "../population/strata.ts";
import type { Scenario } from "../session/scenario.ts";
import { readTrace } from "../traces/read-trace.ts";
import type { Trace } from "../traces/trace.ts";
import { buildScenario } from "./build-scenario.ts";
import { type DrawOptions, fromDraw } from "./from-draw.ts";
import type { Subject } from "./subject.ts";

/** A user's session, and what it counts among all. */
export interface PopulationSession {
  readonly draw: Draw;
  readonly scenario: Scenario;
}

export interface PopulationOptions extends Pick<DrawOptions, "most" | "objective"> {
  /** A population's file; the lab's own copy, if not given. */
  readonly file: string | undefined;
  /** How many users are drawn; null for the fixed strata. */
  readonly draws: number | null;
  readonly seed: number;
  /** The folder that the population names its traces from; where data lie usually, if not given. */
  readonly traces: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Users of the population, each with conditions and a use of their own.
 *
 * @throws EddiError `not-found` without the population's file or a trace that it names, else as these are read
 */
export async function populationSessions(
  subject: Subject,
  options: PopulationOptions,
): Promise<readonly PopulationSession[]> {
  const { file, draws: count, seed, most, objective } = options;
  const population = await readPopulation(file);
  const draws = count === null ? strataDraws(population, seed) : sampleDraws(population, seed, count);
  const isTraced = draws.some(({ link }) => link.trace !== null);
  const folder = isTraced ? tracesFolder(options.traces, options.env) : "";
  const traces = await populationTraces(draws, folder);
  return draws.map((draw) => {
    const { world, task } = fromDraw(draw, subject, { traces, most, objective });
    return { draw, scenario: buildScenario(subject, world, task, draw.streamSeed) };
  });
}

/** Data that lie beside the project. */
const BESIDE = fileURLToPath(new URL("../../../../../shared/data", import.meta.url));

/**
 * The folder that holds `traces`: the one named, else where data lie usually.
 *
 * @throws EddiError `not-found` when there is none
 */
export function tracesFolder(named: string | undefined, env: PopulationOptions["env"]): string {
  const folders = named === undefined ? [env.EDDI_DATA ?? "", BESIDE] : [named];
  const folder = folders.find((one) => one !== "" && existsSync(path.join(one, "traces")));
  if (folder !== undefined) return folder;
  const places = folders.filter(Boolean).join(" or ");
  const expected = `a folder with traces in it at ${places}`;
  throw new EddiError("not-found", `expected ${expected}, got none; --traces names the folder they are in`);
}

/** The traces that draws play, by the names that the population gives them. @throws EddiError as `readTrace` */
export async function populationTraces(
  draws: readonly Draw[],
  folder: string,
): Promise<ReadonlyMap<string, Trace>> {
  const names = [...new Set(draws.flatMap(({ link }) => link.trace ?? []))];
  const read = await Promise.all(names.map((name) => readTrace(path.join(folder, name))));
  return new Map(names.map((name, at) => [name, read[at]!]));
}

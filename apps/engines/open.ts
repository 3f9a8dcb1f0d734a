import { createRequire } from "node:module";
import { EddiError } from "#shared/errors";
import type { Model, Precision } from "#shared/model";
import type { OpenOptions, Running } from "./engine.ts";
import { type PrecisionChoice, precisionFor } from "./precision.ts";
import { ENGINES, type EngineBackend, type EngineName, engineOf } from "./table.ts";

/** What runs operations, as the service tells of it. */
export interface EngineInfo {
  readonly name: EngineName;
  readonly backend: EngineBackend;
  readonly device: Running["device"];
}

export interface OpenedEngine extends Running {
  readonly info: EngineInfo;
}

/** One by name, or the best that loads. */
export type EngineChoice = EngineName | "auto";
export const ENGINE_CHOICES: readonly EngineChoice[] = ["auto", ...ENGINES];

/**
 * Opens an engine for this thread.
 *
 * @param precision of engines that have several
 * @throws EddiError `unavailable`, saying what is missing
 */
export function openEngine(choice: EngineChoice, precision: PrecisionChoice = "fp32"): Promise<OpenedEngine> {
  return openFirst(choice === "auto" ? ENGINES : [choice], choice !== "auto", precision);
}

/**
 * Opens the first of some engines that loads.
 *
 * @param isChosen the user asked for these
 * @param room for sessions, where it is not a worker's of the service
 * @throws EddiError `unavailable`, saying what each lacks
 */
export async function openFirst(
  names: readonly EngineName[],
  isChosen: boolean,
  precision: PrecisionChoice = "fp32",
  room: Pick<OpenOptions, "sessionBytes"> = {},
): Promise<OpenedEngine> {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      const { backend, open } = engineOf(name);
      const running = await open({ ...room, isChosen, precision });
      return { ...running, info: { name, backend, device: running.device } };
    } catch (thrown) {
      const came = (thrown as Error).message.split("\n")[0];
      reasons.push(`engine ${name}: expected it to load, got: ${came}`);
    }
  }
  throw new EddiError("unavailable", reasons.join("; "));
}

/** What an engine computes a model in: TF.js knows no other than float32. */
export function precisionOn(engine: EngineName, model: Model, choice: PrecisionChoice): Precision {
  return engineOf(engine).isTfjs ? "fp32" : precisionFor(model, choice);
}

/** Whether an engine that may be opened under this choice may compute on a GPU. */
export function mayUseGpu(choice: EngineChoice): boolean {
  if (choice !== "auto") return engineOf(choice).mayUseGpu;
  return ENGINES.some((name) => engineOf(name).mayUseGpu && isInstalled(name));
}

/** Whether its package is there: it may be there and not load. */
export function isInstalled(name: EngineName): boolean {
  try {
    createRequire(import.meta.url).resolve(engineOf(name).needs);
    return true;
  } catch {
    return false;
  }
}

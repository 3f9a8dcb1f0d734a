import { builtFile } from "../../apps/cloud/testing/built.ts";
import { Service } from "../../apps/lab/rig/service.ts";
import { FEW_MODELS } from "./models.ts";

export type { Service };

/**
 * The service as it is deployed; `start.e2e.ts` runs its sources, as `npm start` does. Of the models it has those that
 * most tests use: each costs a second of a core to be made ready.
 */
export function startService(args: readonly string[] = []): Promise<Service> {
  const models = args.includes("--models") ? [] : ["--models", FEW_MODELS];
  return Service.start([...models, ...args], [builtFile("main")]);
}

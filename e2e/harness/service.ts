import { builtFile } from "../../apps/cloud/testing/built.ts";
import { Service } from "../../apps/lab/rig/service.ts";

export type { Service };

/** The service as it is deployed; `start.e2e.ts` runs its sources, as `npm start` does. */
export function startService(args: readonly string[] = []): Promise<Service> {
  return Service.start(args, [builtFile("main")]);
}

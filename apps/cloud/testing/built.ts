import { fileURLToPath } from "node:url";

const BUILT = new URL("../../../dist/for-tests/", import.meta.url);

/** A module of the service as it is deployed, which `build-service.ts` builds before the first test. */
export function builtFile(module: string): string {
  return fileURLToPath(new URL(`${module}.js`, BUILT));
}

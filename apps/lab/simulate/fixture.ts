import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** For tests: the data that lie beside the project, or null. */
export const SHARED_DATA =
  [fileURLToPath(new URL("../../../../shared/data/", import.meta.url)), "/work/shared/data/"].find(
    existsSync,
  ) ?? null;

import { ARCHITECTURE_IDS, type Architecture, findArchitecture } from "../train/architectures/index.ts";
import type { Argument } from "./option.ts";

/** An architecture, by its id. */
export const architectureArgument: Argument<Architecture> = {
  name: "MODEL",
  help: ARCHITECTURE_IDS.join(", "),
  read: findArchitecture,
};

import { EddiError } from "#shared/errors";
import type { Architecture } from "./architecture.ts";
import { resnet } from "./resnet.ts";
import { tiny } from "./tiny.ts";

export { type Architecture, buildNetwork, type Graph, IMAGE_NODE, type Network } from "./architecture.ts";

const ARCHITECTURES: readonly Architecture[] = [resnet, tiny];

/** @throws EddiError `bad-argument` with the known names */
export function findArchitecture(id: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.id === id);
  if (found) return found;
  const known = ARCHITECTURES.map((architecture) => architecture.id).join(", ");
  throw new EddiError("bad-argument", `architecture: expected one of ${known}, got "${id}"`);
}

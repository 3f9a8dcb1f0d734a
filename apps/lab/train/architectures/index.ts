import { EddiError } from "#shared/errors";
import { alexnet } from "./alexnet.ts";
import type { Architecture } from "./architecture.ts";
import { inception } from "./inception.ts";
import { mobilenet } from "./mobilenet.ts";
import { resnet } from "./resnet.ts";
import { resnetClothing } from "./resnet-clothing.ts";
import { resnetLarge } from "./resnet-large.ts";
import { tiny } from "./tiny.ts";

export { type Architecture, buildNetwork, type Network } from "./architecture.ts";

const ARCHITECTURES: readonly Architecture[] = [
  alexnet,
  resnet,
  resnetLarge,
  resnetClothing,
  inception,
  mobilenet,
  tiny,
];

export const ARCHITECTURE_IDS: readonly string[] = ARCHITECTURES.map(({ id }) => id);

/** @throws EddiError `bad-argument` with the known names */
export function findArchitecture(id: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.id === id);
  if (found) return found;
  const known = ARCHITECTURE_IDS.join(", ");
  throw new EddiError("bad-argument", `architecture: expected one of ${known}, got "${id}"`);
}

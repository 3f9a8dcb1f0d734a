import type { Model } from "#shared/model";
import type { Profile } from "./profile.ts";
import type { Role } from "./role.ts";
import { USUAL_TRANSFERS } from "./transfer.ts";
import { nodeWork, workUnits } from "./work.ts";

/**
 * A profile of a machine that nobody has measured: every node takes as long as its work.
 *
 * @param unitsPerMs how many of `workUnits` it does in a millisecond, above 0
 * @param fixedMs    what a call costs with no nodes in it
 */
export function analyticProfile(model: Model, role: Role, unitsPerMs: number, fixedMs: number): Profile {
  const work = nodeWork(model);
  return {
    format: 2,
    model: model.metadata.id,
    version: model.version,
    role,
    device: "estimated",
    backend: "unknown",
    fixedMs,
    selfTestMs: 1,
    nodeMs: Object.fromEntries(
      model.nodes.map(({ name }, node) => [name, workUnits(work[node]!) / unitsPerMs]),
    ),
    transfer: USUAL_TRANSFERS[role],
    samples: [],
  };
}

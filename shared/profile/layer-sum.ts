import type { Model } from "#shared/model";
import type { Measurement } from "./measure-plan.ts";
import type { Profile, Sample } from "./profile.ts";

// Layer-sum profiling, the usual way: every node timed alone, and summed. Kept for comparison only, since it
// misleads: each timing has a call's overhead in it, and none what neighbours do to each other.

/** Every node alone: fed with its predecessors' tensors. */
export function layerPlan(model: Model): readonly Measurement[] {
  const { names, predecessors } = model.dag;
  return names.slice(1).map((name, at): Measurement => {
    const feeds = predecessors[at + 1]!.map((from) => names[from]!);
    return { exit: name, at: name, from: feeds[0]!, segment: { nodes: [name], feeds, outputs: [name] } };
  });
}

/** @param samples of `layerPlan` */
export function layerSum(samples: readonly Sample[]): Pick<Profile, "fixedMs" | "nodeMs"> {
  return { fixedMs: 0, nodeMs: Object.fromEntries(samples.map(({ at, medianMs }) => [at, medianMs])) };
}

import type { Answer } from "../edge/conversation.ts";
import type { Prediction } from "../link/conversation.ts";

/** One part of a latency, as the bars show it. */
export interface Part {
  readonly name: PartName;
  readonly ms: number;
}

export const PART_NAMES = ["image", "edge", "uplink", "RTT", "cloud", "reply", "other"] as const;
export type PartName = (typeof PART_NAMES)[number];

export function measuredParts({ stages }: Answer): readonly Part[] {
  return parts({
    image: stages.imageMs,
    edge: stages.headMs + stages.encodeMs + stages.finishMs,
    uplink: stages.uplinkMs,
    RTT: stages.rttMs,
    cloud: stages.queueMs + stages.cloudMs,
    reply: stages.downlinkMs,
    other: stages.waitMs + stages.lostMs + stages.otherMs,
  });
}

export function predictedParts({ latency, imageMs }: Prediction): readonly Part[] {
  return parts({
    image: imageMs,
    edge: latency.edgeMs,
    uplink: latency.uplinkMs,
    RTT: latency.rttMs,
    cloud: latency.queueMs + latency.cloudMs,
    reply: latency.downlinkMs,
    other: 0,
  });
}

function parts(times: Readonly<Record<PartName, number>>): readonly Part[] {
  return PART_NAMES.map((name) => ({ name, ms: times[name] }));
}

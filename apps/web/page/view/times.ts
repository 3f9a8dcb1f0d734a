import type { Forecast } from "#shared/planning";
import type { WhatRan } from "../../talk/edge.ts";

/** One part of a latency, as the bars show it. */
export interface Part {
  readonly name: PartName;
  readonly ms: number;
}

export const PART_NAMES = ["image", "edge", "uplink", "RTT", "cloud", "reply", "in vain", "other"] as const;
export type PartName = (typeof PART_NAMES)[number];

export function measuredParts({ stages }: WhatRan): readonly Part[] {
  return parts({
    image: stages.imageMs,
    edge: stages.headMs + stages.encodeMs + stages.finishMs,
    uplink: stages.uplinkMs,
    RTT: stages.rttMs,
    cloud: stages.queueMs + stages.cloudMs,
    reply: stages.downlinkMs,
    "in vain": stages.lostMs,
    other: stages.waitMs + stages.otherMs,
  });
}

export function predictedParts({ latency, imageMs }: Forecast): readonly Part[] {
  return parts({
    image: imageMs,
    edge: latency.edgeMs,
    uplink: latency.uplinkMs,
    RTT: latency.rttMs,
    cloud: latency.queueMs + latency.cloudMs,
    reply: latency.downlinkMs,
    "in vain": 0,
    other: 0,
  });
}

function parts(times: Readonly<Record<PartName, number>>): readonly Part[] {
  return PART_NAMES.map((name) => ({ name, ms: times[name] }));
}

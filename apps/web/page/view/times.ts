import type { Forecast } from "#shared/planning";
import type { WhatRan } from "../../talk/edge.ts";

/** One part of a latency, as the bars show it: in one place, or between them. */
export interface Part {
  readonly name: "phone" | "way" | "cloud" | "vain";
  readonly ms: number;
}

/** Where the time went, in the order in which it did; their sum is the whole. */
export function measuredParts({ stages, source }: WhatRan): readonly Part[] {
  const { imageMs, waitMs, headMs, encodeMs, otherMs, finishMs } = stages;
  return parts([
    ["phone", imageMs + waitMs + headMs + encodeMs + otherMs + (source === "fallback" ? 0 : finishMs)],
    ["way", stages.uplinkMs + stages.rttMs + stages.downlinkMs],
    ["cloud", stages.queueMs + stages.cloudMs],
    ["vain", stages.lostMs],
    ["phone", source === "fallback" ? finishMs : 0],
  ]);
}

/** Where it is expected to go. */
export function predictedParts({ latency, imageMs }: Forecast): readonly Part[] {
  return parts([
    ["phone", imageMs + latency.edgeMs],
    ["way", latency.uplinkMs + latency.rttMs + latency.downlinkMs],
    ["cloud", latency.queueMs + latency.cloudMs],
  ]);
}

function parts(times: readonly (readonly [Part["name"], number])[]): readonly Part[] {
  return times.filter(([, ms]) => ms >= 0.05).map(([name, ms]) => ({ name, ms }));
}

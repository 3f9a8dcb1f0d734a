import type { FleetSummary } from "./summary.ts";

/** What a fleet came to, for people. */
export function fleetTable({ steady, failure, ...all }: FleetSummary): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  const rows: readonly (readonly [string, string])[] = [
    ["clients, replicas at most", `${all.clients}, ${all.replicas}`],
    ["photos", String(all.answers)],
    ["right in time", percent(all.accuracyInTime)],
    ["in time", percent(all.inTime)],
    ["right", percent(all.accuracy)],
    ["sent to the cloud", percent(all.sent)],
    ["refused, lost", `${percent(all.refused)}, ${percent(all.lost)}`],
    ["answered here in the cloud's stead", percent(all.fallback)],
    ["steady: replicas", steady.liveReplicas.toFixed(1)],
    ["steady: load of the cloud", percent(steady.load)],
    ["steady: oscillation of it", percent(steady.oscillation)],
    ["steady: what is more than chance", percent(steady.oscillationBeyondChance)],
    ["steady: told queue", `${steady.toldQueueMs.toFixed(1)} ms`],
    ["steady: right in time a second", steady.goodput.toFixed(1)],
    ["steady: of the best assignment", percent(steady.ofCentral)],
    ...(failure === null
      ? []
      : ([
          ["half of the replicas dead: worst ten seconds", `${percent(failure.worst)} of before`],
          ["as before again after", failure.recoveredS === null ? "never" : `${failure.recoveredS} s`],
        ] as const)),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

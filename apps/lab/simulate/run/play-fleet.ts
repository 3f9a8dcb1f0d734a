import { EddiError } from "#shared/errors";
import { numberFrom, wholeNumber } from "../../terminal/numbers.ts";
import { bestAssignment } from "../fleet/central.ts";
import { clientKind, fleetPlanners } from "../fleet/client-kind.ts";
import { Fleet } from "../fleet/fleet.ts";
import { type FleetSettings, MOST_CLIENTS, MOST_REPLICAS } from "../fleet/settings.ts";
import { type FleetSummary, summariseFleet } from "../fleet/summary.ts";
import { readPopulation } from "../population/read-population.ts";
import { sampleDraws } from "../population/sample.ts";
import { fromDraw } from "../set-up/from-draw.ts";
import { WORKERS } from "../set-up/settings.ts";
import type { Subject } from "../set-up/subject.ts";
import { refuseGiven, type Wishes } from "./play.ts";

/** The options of a fleet, as they are given. */
export interface FleetWishes extends Wishes {
  /** How many clients; empty for the usual. */
  readonly fleet: string;
  readonly population: string | undefined;
}

/** Options of one client, or of a few. */
const OF_CLIENTS = [
  "uplink",
  "downlink",
  "format",
  "start",
  "rtt",
  "slowdown",
  "load",
  "without",
  "draws",
  "traces",
  "budget",
  "minAccuracy",
  "fps",
  "answers",
] as const;

/** So many users of the population stand for all. */
const KINDS = 128;

/** @throws EddiError `bad-argument` naming the option; as populations are read */
export async function playFleet(
  wishes: FleetWishes,
  openModel: () => Promise<Subject>,
  seed: number,
  onProgress: (text: string) => void,
): Promise<FleetSummary> {
  refuseGiven(wishes, OF_CLIENTS, "without --fleet");
  const settings = settingsOf(wishes, seed);
  const population = await readPopulation(wishes.population || undefined);
  const subject = await openModel();
  const planners = fleetPlanners(subject);
  const kinds = sampleDraws(population, seed, KINDS).map((draw) => {
    // Links are as they are in the mean: a fleet is about the cloud.
    const steady = { ...draw, link: { ...draw.link, trace: null } };
    const session = fromDraw(steady, subject, { traces: new Map(), most: 1, objective: null });
    return clientKind(subject, session, draw.link, draw.weight, planners);
  });
  const fleet = new Fleet(subject, settings);
  fleet.run(kinds, (seconds) => onProgress(`${seconds} of ${settings.durationMs / 1000} s`));
  return summariseFleet(fleet, settings, (capacityMs) => bestAssignment(subject, kinds, capacityMs));
}

function settingsOf(wishes: FleetWishes, seed: number): FleetSettings {
  const { fleet, replicas = 10, every = "30000", duration = "3600", scaling = "60", failure } = wishes;
  const clients = fleet === "" ? 1000 : wholeNumber("--fleet", fleet, 10);
  if (clients > MOST_CLIENTS)
    throw new EddiError("bad-argument", `--fleet: expected at most ${MOST_CLIENTS} clients, got ${clients}`);
  if (replicas > MOST_REPLICAS)
    throw new EddiError("bad-argument", `--replicas: expected at most ${MOST_REPLICAS}, got ${replicas}`);
  const durationMs = 1000 * numberFrom("--duration", duration, 60, 86_400);
  const delayMs = scaling === "off" ? null : 1000 * numberFrom("--scaling", scaling, 0, 3600);
  const forMs = failure === "off" ? null : 1000 * numberFrom("--failure", failure ?? "60", 1, 3600);
  return {
    clients,
    replicas,
    workers: WORKERS,
    everyMs: numberFrom("--every", every, 100, 1e7),
    durationMs,
    autoscaling: delayMs === null ? null : { periodMs: 15_000, target: 0.7, delayMs, downAfterMs: 300_000 },
    failure: forMs === null ? null : { atMs: durationMs / 2 + 500, forMs },
    seed,
  };
}

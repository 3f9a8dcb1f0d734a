import { summariseWeighted } from "../results/summary.ts";
import { Session } from "../session/session.ts";
import { populationSessions } from "../set-up/population-sessions.ts";
import type { Subject } from "../set-up/subject.ts";
import { readWish } from "../set-up/task.ts";
import { OF_FLEET, type Play, refuseGiven, type Wishes } from "./play.ts";

/** Options of a single world; a population brings its own. */
const OF_ONE = [
  "uplink",
  "downlink",
  "format",
  "start",
  "rtt",
  "slowdown",
  "load",
  "without",
  "fps",
  "every",
] as const;

/**
 * Users of a population, one after the other.
 *
 * @param wishes its file, empty for the lab's own
 * @throws EddiError `not-found` and `bad-argument`, naming option, file and field
 */
export async function playPopulation(
  wishes: Wishes & { readonly population: string },
  openModel: () => Promise<Subject>,
  seed: number,
): Promise<Play> {
  refuseGiven(wishes, OF_FLEET, "with --fleet");
  refuseGiven(wishes, OF_ONE, "without --population");
  const { population, draws, traces, answers: most = 20, budget, minAccuracy } = wishes;
  const objective = readWish(budget, minAccuracy);
  const file = population === "" ? undefined : population;
  const options = { file, draws: draws ?? null, seed, most, objective, traces, env: process.env };
  const sessions = await populationSessions(await openModel(), options);
  return (pilot, onProgress) => {
    const played = sessions.map(({ draw, scenario }, at) => {
      onProgress(`${at + 1} of ${sessions.length} users`);
      return { weight: draw.weight, outcomes: new Session(scenario, pilot).run() };
    });
    return { summary: summariseWeighted(played), outcomes: played.flatMap(({ outcomes }) => outcomes) };
  };
}

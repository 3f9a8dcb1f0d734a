import { EddiError } from "#shared/errors";
import { summarise } from "../results/summary.ts";
import { Session } from "../session/session.ts";
import { buildScenario } from "../set-up/build-scenario.ts";
import { readGiven } from "../set-up/given.ts";
import { worldOf } from "../set-up/settings.ts";
import type { Subject } from "../set-up/subject.ts";
import { readTask } from "../set-up/task.ts";
import { OF_FLEET, type Play, refuseGiven, type Wishes } from "./play.ts";

/** Photos that are not answered any more when the last one has come still have their time. */
const TAIL_MS = 20_000;

/**
 * One client in a world of a few numbers.
 *
 * @throws EddiError `not-found` and `bad-argument`, naming option, file and line
 */
export async function playOne(
  wishes: Wishes,
  openModel: () => Promise<Subject>,
  seed: number,
): Promise<Play> {
  refuseGiven(wishes, OF_FLEET, "with --fleet");
  refuseGiven(wishes, ["draws", "traces"], "with --population");
  const { uplink, downlink, format, start = "0", rtt = "50", slowdown = "4", load = "0.25" } = wishes;
  if (uplink === undefined)
    throw new EddiError("bad-argument", "--uplink: expected a trace or Mbit/s, got none");
  const { budget, minAccuracy, fps, answers = 200, every = "2000", without = "" } = wishes;
  const task = readTask({ budget, minAccuracy, fps, answers, every });
  const given = await readGiven({ uplink, downlink, format, start, rtt, slowdown, load, without });
  const subject = await openModel();
  const durationMs = task.pauses.at(-1)! + TAIL_MS;
  const world = worldOf({ ...given, tailMs: subject.cloudMs, durationMs }, seed);
  const scenario = buildScenario(subject, world, task, seed);
  return (pilot, onProgress) => {
    onProgress(`${task.pauses.length} photos`);
    const outcomes = new Session(scenario, pilot).run();
    return { summary: summarise(outcomes, task.framesPerSecond !== null), outcomes };
  };
}

import { FIRST_GUESS } from "#shared/network";
import type { Objective } from "#shared/optimizer";
import { pilotNamed } from "../simulate/policy/pilots.ts";
import type { Pilot } from "../simulate/session/pilot.ts";
import type { Scenario } from "../simulate/session/scenario.ts";
import { Session } from "../simulate/session/session.ts";
import type { Subject } from "../simulate/set-up/subject.ts";
import type { LiveLink } from "./conditions.ts";
import { type RigWorld, truthOfRig, worldOfRig } from "./rig-world.ts";

/** What a policy came to on a link: means over answers. */
export interface Outcomes {
  readonly ms: readonly number[];
  readonly inTime: readonly boolean[];
}

export interface PredictOptions {
  readonly subject: Subject;
  readonly rig: RigWorld;
  readonly link: LiveLink;
  /** When each answer began, since the link began to play. */
  readonly startsMs: readonly number[];
  /** By answer: its number among the verdicts. */
  readonly photos: readonly number[];
  readonly budgetMs: number;
  readonly policy: string;
  /** The page finishes on the edge when a reply is late, whoever plans; not where a plan is insisted on. */
  readonly isForced: boolean;
}

const SEEDS = 8;

/** What the simulator says of the same run: the same photos at the same times, over several seeds of what is chance. */
export async function predict(options: PredictOptions): Promise<Outcomes> {
  const { subject, rig, link, startsMs, photos, budgetMs, policy, isForced } = options;
  const { model, verdicts, costs, layerCosts } = subject;
  // The page probes, whoever plans.
  const pilot: Pilot = { ...(await pilotNamed(policy)), senses: "network", isInsured: !isForced };
  const objective: Objective = { kind: "accuracy", budgetMs };
  const all = Array.from({ length: SEEDS }, (_, seed) => {
    const scenario: Scenario = {
      model,
      verdicts,
      costs,
      layerCosts,
      truth: truthOfRig(rig, costs),
      world: worldOfRig(rig, link),
      seed: seed + 1,
      arrivals: startsMs,
      photos,
      objective,
      framesPerSecond: null,
      guess: { ...FIRST_GUESS, edgeScale: rig.edgeScale, spread: { ...FIRST_GUESS.spread, edge: 0.1 } },
    };
    return new Session(scenario, pilot).run();
  }).flat();
  const answered = all.filter(({ ms }) => ms !== null);
  return { ms: answered.map(({ ms }) => ms!), inTime: answered.map(({ inTime }) => inTime) };
}

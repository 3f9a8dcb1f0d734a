import { FIRST_GUESS } from "#shared/network";
import type { Objective } from "#shared/optimizer";
import { randomFrom } from "#shared/random";
import { normal } from "../chance/normal.ts";
import { seedOf } from "../chance/seeds.ts";
import type { Scenario } from "../session/scenario.ts";
import type { WorldSettings } from "../world/world.ts";
import type { Subject } from "./subject.ts";

/** What is asked of a session. */
export interface Task {
  readonly objective: Objective;
  /** Frames that overlap come so often; null: photos. */
  readonly framesPerSecond: number | null;
  /** When photos come, since the first one, rising from 0. */
  readonly pauses: readonly number[];
}

/** The page measures network and device before the first photo comes. */
const SETTLED_MS = 3000;
/** How well it knows its own device then. */
const CALIBRATED_SPREAD = 0.1;

/** One client's session over a world. */
export function buildScenario(subject: Subject, world: WorldSettings, task: Task, seed: number): Scenario {
  const { model, verdicts, costs, layerCosts } = subject;
  const { objective, framesPerSecond, pauses } = task;
  const z = normal(randomFrom(seedOf(seed, "calibration")));
  return {
    model,
    verdicts,
    costs,
    layerCosts,
    truth: costs,
    world,
    seed,
    arrivals: pauses.map((ms) => SETTLED_MS + ms),
    photos: shuffledPhotos(verdicts.photos, pauses.length, seed),
    objective,
    framesPerSecond,
    guess: {
      ...FIRST_GUESS,
      edgeScale: world.edge.slowdown * Math.exp(CALIBRATED_SPREAD * z),
      spread: { ...FIRST_GUESS.spread, edge: CALIBRATED_SPREAD },
    },
  };
}

/** Each photo once, in an order that the seed decides; after the last one all over again. */
function shuffledPhotos(photos: number, count: number, seed: number): readonly number[] {
  const random = randomFrom(seedOf(seed, "photos"));
  const order = Array.from({ length: photos }, (_, photo) => photo);
  for (let at = photos - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return Array.from({ length: count }, (_, answer) => order[answer % photos]!);
}

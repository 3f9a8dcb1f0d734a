import type { Plan } from "#shared/model";
import type { Finish, Forecast, Planner, Planning, Race } from "#shared/planning";
import type { Senses } from "#shared/policies";
import type { World } from "../world/world.ts";
import type { Scenario } from "./scenario.ts";

/** A policy as a client flies by it. */
export interface Pilot {
  readonly name: string;
  readonly senses: Senses;
  /** Plans anew after every observation, as the page does; else for each photo. */
  readonly isEager: boolean;
  /** Finishes on the edge where a reply may come too late. */
  readonly isInsured: boolean;
  /** What its client goes by instead, where that is not what the scenario says: for ablations. */
  scenarioOf?(scenario: Scenario): Scenario;
  /** A planner for one client. @throws EddiError where the policy does not fit the model */
  start(scenario: Scenario): Planner | Oracle;
}

/** Plans from what no client knows: for the one photo that is to be answered next. */
export interface Oracle {
  foretell(world: World, photo: PhotoNow): Plan;
}

export interface PhotoNow {
  readonly answer: number;
  readonly photo: number;
  /** When it came; the plan is made later, when it is decoded. */
  readonly startMs: number;
}

/** What was planned for a photo, and what is expected of it. */
export interface Planned {
  readonly plan: Plan;
  /** Null where nothing is foretold. */
  readonly foretold: Forecast | null;
  /** What the reply is expected to take; null where nothing is: then it is waited for. */
  readonly expected: Race["expected"];
  /** As `Planning` has them. */
  readonly soonest: Planning["soonest"];
  readonly patienceMs: Race["patienceMs"];
  /** Where the edge may finish beside it; nowhere where nobody insures. */
  readonly finish: readonly Finish[];
}

export function isOracle(planner: Planner | Oracle): planner is Oracle {
  return "foretell" in planner;
}

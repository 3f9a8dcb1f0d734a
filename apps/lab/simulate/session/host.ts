import type { World } from "../world/world.ts";
import type { Client } from "./client.ts";
import type { Demands } from "./demands.ts";
import type { Outcome } from "./outcome.ts";
import type { PhotoNow, Planned } from "./pilot.ts";
import type { Scenario } from "./scenario.ts";
import type { Truth } from "./truth.ts";

/** What an answer under way needs of the session that it belongs to. */
export interface Host {
  readonly scenario: Scenario;
  readonly world: World;
  readonly client: Client;
  readonly truth: Truth;
  readonly now: number;
  /** When answers are due, as the page has it. */
  readonly budgetMs: number;
  planFor(photo: PhotoNow): Planned;
  demandsOf(plan: Planned["plan"]): Demands;
  finishParts(ran: ReadonlySet<string>, exit: string): readonly number[];
  ranUntil(demands: Demands, exit: string): ReadonlySet<string>;
  nodesOf(exits: readonly string[]): ReadonlySet<string>;
  record(outcome: Outcome): void;
}

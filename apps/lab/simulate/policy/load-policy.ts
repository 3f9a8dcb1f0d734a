import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { EddiError } from "#shared/errors";
import type { PlanChoice, Planner, PlanRequest } from "#shared/planning";
import type { Pilot } from "../session/pilot.ts";
import type { Scenario } from "../session/scenario.ts";

/** Names of policies have neither a separator nor an ending of a module. */
export function isPolicyFile(text: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$/.test(text);
}

export interface OwnPolicy extends Omit<Pilot, "name" | "isInsured" | "start"> {
  start(scenario: Scenario): Planner;
}

/**
 * A policy of the user's own: a module whose default export makes a planner for one client. It is told the costs of all
 * exits and wire modes and the policies of early exits, and of each photo the `PlanRequest`.
 *
 * ```js
 * export default ({ costs, policies }) => ({
 *   plan: (request) => ({ exit: "exit1", head: costs[0].dag.names }),
 * });
 * ```
 *
 * @throws EddiError `bad-argument`, naming the file, when it does not load or exports something else
 */
export async function loadPolicy(file: string): Promise<OwnPolicy> {
  const refuse = (expected: string, came: string, cause?: unknown): never => {
    throw new EddiError("bad-argument", `${file}: expected ${expected}, got ${came}`, { cause });
  };
  if (!existsSync(file)) refuse("a policy's module", "no file");
  const loaded = (await import(pathToFileURL(path.resolve(file)).href).catch((cause: Error) =>
    refuse("a policy's module that loads", cause.message, cause),
  )) as { default?: unknown };
  const make = loaded.default;
  if (typeof make !== "function") return refuse("a function as the default export", typeof make);
  return {
    senses: "network",
    isEager: false,
    start: ({ costs, model }: Scenario): Planner => {
      const planner = guarded(refuse, "the planner's start", () =>
        make({ costs, policies: model.metadata.policies ?? [] }),
      ) as Partial<Planner> | null | undefined;
      if (typeof planner?.plan !== "function") return refuse("an object with plan(request)", shown(planner));
      return {
        plan: (request: PlanRequest): PlanChoice => {
          const plan = guarded(refuse, "a plan", () => planner.plan!(request)) as Partial<PlanChoice> &
            object;
          // Either a plan itself or a choice with one in it.
          const chosen = plan !== null && typeof plan === "object" && "plan" in plan ? plan.plan : plan;
          return isPlan(chosen)
            ? { plan: chosen, wanted: chosen }
            : refuse("a plan with exit and head", shown(chosen));
        },
      };
    },
  };
}

type Refuse = (expected: string, came: string, cause?: unknown) => never;

function guarded(refuse: Refuse, what: string, work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return refuse(what, `an error: ${(thrown as Error).message}`, thrown);
  }
}

function isPlan(value: unknown): value is NonNullable<PlanChoice["plan"]> {
  const { exit, head } = (value ?? {}) as { exit?: unknown; head?: unknown };
  return (
    typeof exit === "string" && Array.isArray(head) && head.every((name: unknown) => typeof name === "string")
  );
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}

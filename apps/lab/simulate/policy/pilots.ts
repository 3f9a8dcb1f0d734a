import { EddiError } from "#shared/errors";
import { type CostedModel, INSURED, insured, type Planner, plannerKind } from "#shared/planning";
import { POLICIES, type PolicyName, sensesOf } from "#shared/policies";
import type { Pilot } from "../session/pilot.ts";
import type { Scenario } from "../session/scenario.ts";
import { ablated } from "./ablations.ts";
import { clairvoyant } from "./clairvoyant.ts";
import { isPolicyFile, loadPolicy } from "./load-policy.ts";

export { INSURED };

/** Policies of the lab: EDDI, the oracle, and those of the literature, each of these also `+insured`. */
export const PILOT_NAMES: readonly string[] = ["eddi", "clairvoyant", ...Object.keys(POLICIES)];

/** Policies as `--policies` names them, each once. @throws EddiError as `pilotNamed` */
export async function pilotsNamed(list: string): Promise<readonly Pilot[]> {
  const names = [...new Set(list.split(",").map((name) => name.trim()))];
  const pilots: Pilot[] = [];
  for (const name of names) pilots.push(await pilotNamed(name));
  return pilots;
}

/**
 * @param name of a policy, or a path to a file of the user's own; `+insured` behind it
 * @throws EddiError `bad-argument` when there is no such policy, or the file is none
 */
export async function pilotNamed(name: string): Promise<Pilot> {
  const isInsured = name.endsWith(INSURED);
  const bare = isInsured ? name.slice(0, -INSURED.length) : name;
  if (bare === "clairvoyant" && !isInsured) return clairvoyant;
  if (bare === "eddi" && !isInsured) return eddi;
  const without = isInsured ? null : ablated(bare);
  if (without !== null) return without;
  const known = (Object.keys(POLICIES) as PolicyName[]).find((one) => one === bare);
  if (known !== undefined) {
    return {
      name,
      senses: isInsured ? "network" : sensesOf(known),
      isEager: false,
      isInsured,
      start: (scenario) => insure(plannerKind(known, costedOf(scenario)).start(), scenario, isInsured),
    };
  }
  if (isPolicyFile(bare)) {
    const own = await loadPolicy(bare);
    return { ...own, name, isInsured, start: (scenario) => insure(own.start(scenario), scenario, isInsured) };
  }
  const expected = `${PILOT_NAMES.join(", ")}, each of the literature's also with ${INSURED}, or a path to a file`;
  throw new EddiError("bad-argument", `--policies: expected ${expected}, got ${name || "an empty name"}`);
}

function insure(planner: Planner, scenario: Scenario, isInsured: boolean): Planner {
  return isInsured ? insured(costedOf(scenario), planner) : planner;
}

const eddi: Pilot = {
  name: "eddi",
  senses: "network",
  isEager: true,
  isInsured: true,
  start: (scenario) => kindOf(scenario).start(),
};

/** Envelopes are built once for a model's costs. */
function kindOf(scenario: Scenario): ReturnType<typeof plannerKind> {
  const { costs } = scenario;
  const kind = kinds.get(costs) ?? plannerKind("eddi", costedOf(scenario));
  kinds.set(costs, kind);
  return kind;
}

const kinds = new WeakMap<Scenario["costs"], ReturnType<typeof plannerKind>>();

function costedOf({ costs, model }: Scenario): CostedModel {
  return { costs, policies: model.metadata.policies ?? [] };
}

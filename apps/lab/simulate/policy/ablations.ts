import { isFittedCodec } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import type { ExitCosts } from "#shared/evaluator";
import { NO_SPREAD } from "#shared/model";
import { type CostedModel, type Planner, type PlanRequest, plannerKind } from "#shared/planning";
import type { Pilot } from "../session/pilot.ts";
import type { Scenario } from "../session/scenario.ts";

/** Something of EDDI that is taken away, to see what it is worth. */
interface Ablation {
  readonly model?: (costed: CostedModel) => CostedModel;
  /** Makes for each client what changes its requests. */
  readonly request?: () => (request: PlanRequest) => PlanRequest;
  readonly isUninsured?: boolean;
  readonly scenario?: (scenario: Scenario) => Scenario;
}

const ABLATIONS: Readonly<Record<string, Ablation>> = {
  // The full net alone.
  "eddi-no-exits": {
    model: ({ costs }) => ({
      costs: costs.filter(({ position }) => position === lastOf(costs)),
      policies: [],
    }),
  },
  "eddi-no-early-exits": { model: ({ costs }) => ({ costs, policies: [] }) },
  // The image or nothing is sent.
  "eddi-no-cut": {
    model: ({ costs, policies }) => ({
      policies,
      costs: costs.map((exit) => ({
        ...exit,
        wireBytes: exit.wireBytes.map((bytes, node) => (node === 0 ? bytes : NEVER_BYTES)),
      })),
    }),
  },
  "eddi-no-rtt": { request: () => (request) => withConditions(request, { rttMs: 0 }) },
  "eddi-no-queue": { request: () => (request) => withConditions(request, { queueMs: 0 }) },
  // As if no codec were fitted to a tensor.
  "eddi-no-fitted": {
    model: ({ costs, policies }) => ({
      policies,
      costs: costs.filter(({ wire }) => wire?.mode !== "fitted" && !isLossyFitted(wire)),
    }),
  },
  // Pixels and tensors, never files of images nor anything deflated.
  "eddi-no-codecs": {
    model: ({ costs, policies }) => ({ policies, costs: costs.filter(({ wire }) => wire?.mode === "raw") }),
  },
  "eddi-point-estimates": { request: () => (request) => withConditions(request, { spread: NO_SPREAD }) },
  // RTT and uplink are means over all that was ever found: what was long ago counts as much as what is now.
  "eddi-no-change": { request: averaged },
  "eddi-layer-sums": { scenario: withLayerSums },
  "eddi-no-insurance": { isUninsured: true },
};

/** EDDI without one of its parts; null for a name of none. */
export function ablated(name: string): Pilot | null {
  const ablation = Object.hasOwn(ABLATIONS, name) ? ABLATIONS[name]! : null;
  if (ablation === null) return null;
  const { model = (costed) => costed, request, isUninsured = false, scenario } = ablation;
  return {
    name,
    senses: "network",
    isEager: true,
    isInsured: !isUninsured,
    ...(scenario === undefined ? {} : { scenarioOf: scenario }),
    start: ({ costs, model: { metadata } }: Scenario): Planner => {
      const known = kinds.get(costs) ?? new Map<string, ReturnType<typeof plannerKind>>();
      kinds.set(costs, known);
      const kind =
        known.get(name) ?? plannerKind("eddi", model({ costs, policies: metadata.policies ?? [] }));
      known.set(name, kind);
      const planner = kind.start();
      const change = request?.() ?? ((asked) => asked);
      return {
        plan: (asked) => {
          const choice = planner.plan(change(asked));
          if (!isUninsured || choice.plan?.insurance === undefined) return choice;
          const { insurance: _, ...plan } = choice.plan;
          return { ...choice, plan };
        },
      };
    },
  };
}

const kinds = new WeakMap<Scenario["costs"], Map<string, ReturnType<typeof plannerKind>>>();

/** So many that nothing of it is ever sent. */
const NEVER_BYTES = 1e12;

function withConditions(request: PlanRequest, change: Partial<PlanRequest["conditions"]>): PlanRequest {
  return { ...request, conditions: { ...request.conditions, ...change } };
}

/** Planner and client believe sums of layers; the world goes on as it is. */
function withLayerSums(scenario: Scenario): Scenario {
  const { layerCosts, model } = scenario;
  if (layerCosts !== null) return { ...scenario, costs: layerCosts };
  const { id } = model.metadata;
  throw new EddiError(
    "not-found",
    `eddi-layer-sums: expected times of layers in models/${id}/profiles, got none: \`npm run lab -- profile ${id} --layers\`, with --backend wasm and native, measures them`,
  );
}

function averaged(): (request: PlanRequest) => PlanRequest {
  const sums = { rtt: 0, uplink: 0, count: 0 };
  return (request) => {
    const { rttMs, uplinkBps } = request.conditions;
    sums.rtt += Math.log(rttMs);
    sums.uplink += Math.log(uplinkBps);
    sums.count += 1;
    const mean = (sum: number): number => Math.exp(sum / sums.count);
    return withConditions(request, { rttMs: mean(sums.rtt), uplinkBps: mean(sums.uplink) });
  };
}

function lastOf(costs: readonly ExitCosts[]): number {
  return Math.max(...costs.map(({ position }) => position));
}

function isLossyFitted(wire: ExitCosts["wire"]): boolean {
  return wire?.counted !== undefined && wire.codecs.some(({ codec }) => isFittedCodec(codec));
}

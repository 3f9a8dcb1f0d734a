import { EddiError, toEddiError } from "#shared/errors";
import { nodeWork, type Profile, type Role, readProfile, workUnits } from "#shared/evaluator";
import type { Model } from "#shared/model";
import { modelFileUrl } from "../edge/fetch-model.ts";

/** A profile, and where it comes from. */
export interface FoundProfile {
  readonly profile: Profile;
  /** The file's name, or `analytic`. */
  readonly from: string;
}

/** Fetches JSON; throws EddiError `not-found` or `unavailable`. */
export type FetchJson = (url: string) => Promise<unknown>;

/**
 * The profile of heads on a backend: measured on that, else on WASM (its times are corrected by the
 * self-test's ratio, see `firstEdgeScale`), else from the work of each node.
 *
 * @param selfTestMs this device's time of the reference net; null when it has no backend
 */
export async function headProfile(
  model: Model,
  backend: string | null,
  selfTestMs: number | null,
  fetchJson: FetchJson,
): Promise<FoundProfile> {
  const names = [...new Set([backend ?? "wasm", "wasm"])].map((name) => `head-${name}.json`);
  const found = await firstProfile(model, names, "head", fetchJson);
  return found ?? { profile: analyticHead(model, backend ?? "none", selfTestMs ?? 10), from: "analytic" };
}

/** The profile of tails on the service's engine, else from the work of each node. */
export async function tailProfile(model: Model, fetchJson: FetchJson): Promise<FoundProfile> {
  const engine = await fetchJson(`/v2/models/${encodeURIComponent(model.metadata.id)}`).then(engineOf);
  const found = await firstProfile(model, [`tail-${engine}.json`], "tail", fetchJson);
  return found ?? analyticTailProfile(model);
}

export function analyticTailProfile(model: Model): FoundProfile {
  const nodeMs = nodeTimes(model, 1 / CLOUD_UNITS_PER_MS);
  const profile = {
    ...nothingMeasured(model, "tail"),
    backend: "unknown",
    fixedMs: 2,
    selfTestMs: 1,
    nodeMs,
  };
  return { profile, from: "analytic" };
}

/** First guess of the edge's scale: how much slower this device ran the reference net than the profiled one. */
export function firstEdgeScale({ profile }: FoundProfile, selfTestMs: number | null): number {
  return selfTestMs === null ? 1 : selfTestMs / profile.selfTestMs;
}

/** Work units (`workUnits`) of the reference net of the self-test. */
const REFERENCE_UNITS = 13e6;

/** One core with TensorFlow's library. The live cloud scale corrects it after the first answer. */
const CLOUD_UNITS_PER_MS = 10e6;

function analyticHead(model: Model, backend: string, selfTestMs: number): Profile {
  const nodeMs = nodeTimes(model, selfTestMs / REFERENCE_UNITS);
  return { ...nothingMeasured(model, "head"), backend, fixedMs: 0.3 * selfTestMs, selfTestMs, nodeMs };
}

function nodeTimes(model: Model, msPerUnit: number): Record<string, number> {
  const work = nodeWork(model);
  return Object.fromEntries(model.nodes.map(({ name }, at) => [name, workUnits(work[at]!) * msPerUnit]));
}

function nothingMeasured(model: Model, role: Role) {
  const { metadata, version } = model;
  return { format: 1, model: metadata.id, version, role, device: "estimated", samples: [] } as const;
}

async function firstProfile(
  model: Model,
  names: readonly string[],
  role: Role,
  fetchJson: FetchJson,
): Promise<FoundProfile | null> {
  for (const name of names) {
    try {
      const profile = readProfile(await fetchJson(modelFileUrl(model.metadata.id, `profiles/${name}`)));
      const fits = model.dag.names.every((node, at) => at === 0 || profile.nodeMs[node] !== undefined);
      if (profile.role === role && profile.model === model.metadata.id && fits)
        return { profile, from: name };
      throw new EddiError("bad-profile", `${name}: expected a profile of ${role}s of ${model.metadata.id}`);
    } catch (thrown) {
      const error = toEddiError(thrown);
      if (error.code === "unavailable") throw error;
      if (error.code !== "not-found") console.warn(error.message);
    }
  }
  return null;
}

/** @throws EddiError `unavailable` while the service is starting and has no engine yet */
function engineOf(description: unknown): string {
  const { parameters } = description as { parameters?: { engine?: unknown } };
  if (typeof parameters?.engine === "string") return parameters.engine;
  throw new EddiError("unavailable", "expected the service to name its engine, got none yet");
}

import { FITTED_CODECS } from "#shared/codecs";
import { EddiError, toEddiError } from "#shared/errors";
import { type Catalogue, type Model, PRECISIONS, type Precision } from "#shared/model";
import {
  analyticProfile,
  type Profile,
  profileFile,
  profileFromRegression,
  type Regression,
  type Role,
  readProfile,
  readRegression,
  USUAL_TIMES,
} from "#shared/profile";
import { modelFileUrl } from "../service/fetch-file.ts";

/** A profile, and where it comes from. */
export interface FoundProfile {
  readonly profile: Profile;
  /** The file's name, or in words. */
  readonly from: string;
}

/** Of tails, with what the service says beside. */
export interface FoundTail extends FoundProfile {
  /** Whether it decodes codecs that were fitted to tensors. */
  readonly mayFit: boolean;
  /** What the cloud has where it is no service of ours; null where it is. */
  readonly catalogue: Catalogue | null;
}

/** Fetches JSON; throws EddiError `not-found` or `unavailable`. */
export type FetchJson = (url: string) => Promise<unknown>;

/**
 * The profile of heads on a backend until this device's own is known: measured on another device with that
 * backend, else from the regression over all stored profiles of it, or of another backend. Both are corrected
 * by the self-test, see `firstEdgeScale`.
 *
 * @param selfTestMs this device's time of the reference net; null when it has no backend
 */
export async function headProfile(
  model: Model,
  backend: string | null,
  selfTestMs: number | null,
  fetchJson: FetchJson,
): Promise<FoundProfile> {
  const name = backend ?? "wasm";
  const found = await firstProfile(model, [profileFile("head", name)], "head", fetchJson);
  return found ?? (await regressionHead(model, name, selfTestMs ?? 10, fetchJson));
}

/** Of these the first one that has profiles stands in for a backend that has none. */
const STAND_INS = ["wasm", "webgpu", "webgl", "native"];

async function regressionHead(
  model: Model,
  backend: string,
  selfTestMs: number,
  fetchJson: FetchJson,
): Promise<FoundProfile> {
  const { backends } = await quietly({ format: 1, backends: {} } as Regression, async () =>
    readRegression(await fetchJson("/models/regression.json")),
  );
  const name = [backend, ...STAND_INS].find((one) => backends[one] !== undefined);
  const times = name === undefined ? USUAL_TIMES : backends[name]!;
  const from = name === undefined ? "rough estimate" : `regression (${name})`;
  return { profile: profileFromRegression(model, backend, times, selfTestMs), from };
}

/**
 * This device's own heads, as far as they were measured; for other nodes, and for learned codecs' encoders, the times of
 * another profile, scaled as those of the measured nodes are.
 */
export function profiledHead(model: Model, own: Profile, base: FoundProfile): FoundProfile {
  const names = model.dag.names.slice(1);
  const measured = names.filter((name) => own.nodeMs[name] !== undefined);
  const sum = (profile: Profile): number =>
    measured.reduce((total, name) => total + profile.nodeMs[name]!, 0);
  const [ownMs, baseMs] = [sum(own), sum(base.profile)];
  const scale = ownMs > 0 && baseMs > 0 ? ownMs / baseMs : own.selfTestMs / base.profile.selfTestMs;
  const nodeMs = names.map((name) => [name, own.nodeMs[name] ?? scale * base.profile.nodeMs[name]!]);
  const aside = Object.entries(base.profile.detourMs ?? {}).map(([name, ms]) => [name, scale * ms]);
  const detours = aside.length === 0 ? {} : { detourMs: Object.fromEntries(aside) };
  const rest = measured.length < names.length ? ` (${measured.length} nodes) and ${base.from}` : "";
  return { profile: { ...own, nodeMs: Object.fromEntries(nodeMs), ...detours }, from: `this device${rest}` };
}

/** The profile of tails on the service's engine, else from the work of each node. */
export async function tailProfile(model: Model, fetchJson: FetchJson): Promise<FoundTail> {
  const description = await fetchJson(`/v2/models/${encodeURIComponent(model.metadata.id)}`);
  const { backend, precision, mayFit } = servingOf(description);
  const found = await firstProfile(model, tailFiles(backend, precision), "tail", fetchJson);
  return { ...(found ?? analyticTailProfile(model, null)), mayFit, catalogue: null };
}

/** Of a server that does not tell what it runs tails on: as ONNX Runtime on a processor. */
export async function plainTailProfile(
  model: Model,
  catalogue: Catalogue,
  fetchJson: FetchJson,
): Promise<FoundTail> {
  const found = await firstProfile(model, tailFiles(ONNX, "fp32"), "tail", fetchJson);
  return { ...(found ?? analyticTailProfile(model, catalogue)), mayFit: false, catalogue };
}

const ONNX = "onnxruntime";

/** Those that may be there, the nearest first: a model that nobody has profiled on ONNX Runtime has one on TensorFlow. */
function tailFiles(backend: string, precision: Precision): readonly string[] {
  const own = [precision, "fp32"] as const;
  const others = backend === ONNX ? [profileFile("tail", "native")] : [];
  return [...new Set(own.map((one) => profileFile("tail", backend, one))), ...others];
}

/** Before the cloud has said anything. */
export function analyticTailProfile(model: Model, catalogue: Catalogue | null): FoundTail {
  const profile = analyticProfile(model, "tail", CLOUD_UNITS_PER_MS, 2);
  return { profile, from: "analytic", mayFit: false, catalogue };
}

/**
 * First guess of the edge's scale: how much slower this device ran the reference net than the profiled one.
 * 1 for this device's own profile.
 */
export function firstEdgeScale({ profile }: FoundProfile, selfTestMs: number | null): number {
  return selfTestMs === null ? 1 : selfTestMs / profile.selfTestMs;
}

/** One core with TensorFlow's library. The live cloud scale corrects it after the first answer. */
const CLOUD_UNITS_PER_MS = 10e6;

async function firstProfile(
  model: Model,
  names: readonly string[],
  role: Role,
  fetchJson: FetchJson,
): Promise<FoundProfile | null> {
  for (const name of names) {
    const profile = await quietly(null, async () => {
      const read = readProfile(await fetchJson(modelFileUrl(model.metadata.id, `profiles/${name}`)));
      const fits = model.dag.names.every((node, at) => at === 0 || read.nodeMs[node] !== undefined);
      const called = profileFile(read.role, read.backend, read.precision);
      if (called === name && read.role === role && read.model === model.metadata.id && fits) return read;
      const missing = fits ? "" : ", with nodes missing";
      const expected = `${name}: expected a profile of ${role}s of ${model.metadata.id} by that name`;
      throw new EddiError("bad-profile", `${expected}, got ${called} of ${read.model}${missing}`);
    });
    if (profile !== null) return { profile, from: name };
  }
  return null;
}

/** What is read, or `otherwise` where there is none or it is none. @throws EddiError `unavailable` */
async function quietly<T>(otherwise: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    const error = toEddiError(thrown);
    if (error.code === "unavailable") throw error;
    if (error.code !== "not-found") console.warn(error.message);
    return otherwise;
  }
}

/** @throws EddiError `unavailable` while the service is starting and has no engine yet */
function servingOf(description: unknown): {
  readonly backend: string;
  readonly precision: Precision;
  readonly mayFit: boolean;
} {
  const { parameters = {} } = description as { parameters?: Readonly<Record<string, unknown>> };
  const { backend, fitted_codecs: fitted } = parameters;
  // One from before it told is planned for as the slower.
  const precision = PRECISIONS.find((one) => one === parameters.precision) ?? "fp32";
  // A service from before there were such codecs says nothing of them.
  const known = typeof fitted === "string" ? fitted.split(",") : [];
  const mayFit = FITTED_CODECS.every((codec) => known.includes(codec));
  if (typeof backend === "string") return { backend, precision, mayFit };
  throw new EddiError("unavailable", "expected the service to name its engine, got none yet");
}

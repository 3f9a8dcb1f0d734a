import { type CodecText, TRANSPORTS, type Transport } from "#shared/model";
import { PLANNERS, type PlannerName } from "#shared/planning";
import type { ServiceAddress } from "../service/service.ts";
import {
  BACKENDS,
  type Backend,
  type EdgeSettings,
  PROFILING_MODES,
  type ProfilingMode,
  RUNTIME_WISHES,
  type RuntimeWish,
} from "../talk/edge.ts";
import {
  bad,
  checkFunction,
  checkNothing,
  checkNumber,
  checkOneOf,
  checkRecord,
  checkSwitch,
} from "./check.ts";
import { BUDGET_MS, checkBudget, checkCodec, checkLoad, checkMinAccuracy } from "./check-arguments.ts";
import { type StartWorker, startWorker } from "./worker-end.ts";

/** Which service, and what it asks for. */
export interface ServiceOptions {
  /**
   * Where the service is: absolute, of any origin. One that is not the page's own names it with `--cors-origins`.
   * Whatever prefix a proxy puts before the service's paths is a part of it.
   */
  readonly baseUrl: string | URL;
  /** Where the service asks for one. */
  readonly key?: string | null | undefined;
}

/** A server of the Open Inference Protocol, such as NVIDIA's Triton, that has tails as `lab export-onnx --repository` writes them. */
export interface PlainCloudOptions {
  /** Absolute, of any origin that lets the page in (CORS); a prefix before `/v2` is a part of it. */
  readonly url: string | URL;
  readonly kind: "oip";
  /** Where something before the server asks for one: sent as `Authorization: Bearer`. */
  readonly key?: string | null | undefined;
}

export interface ClientOptions extends ServiceOptions {
  /** A model's id, or a promise of it, such as one that follows from `listModels`. */
  readonly model: string | PromiseLike<string>;
  /**
   * Who runs the tails where that is not the service: then `baseUrl` need have no more than the folder `models`, as static
   * files. Null, as usual: the service.
   */
  readonly cloud?: PlainCloudOptions | null | undefined;
  /** For every image that has no budget of its own; 300 if not given. */
  readonly budgetMs?: number | undefined;
  /** Top-1 that is enough, 0..1: then the fastest plan is wanted; null, as usual: the best within the budget. */
  readonly minAccuracy?: number | null | undefined;
  /** How often images arrive and overlap; null, as usual: one at a time. */
  readonly framesPerSecond?: number | null | undefined;
  /** Whether images stay on this device, whatever it costs; false if not given. */
  readonly phoneOnly?: boolean | undefined;
  /** Whether exits on the way may answer when they are sure; true if not given. */
  readonly earlyExits?: boolean | undefined;
  /** Tried before any other. */
  readonly backend?: Backend | null | undefined;
  /** What may run heads beside TF.js: LiteRT where it is faster, `auto`, as usual; never, `tfjs`; or wherever it works, `litert`. */
  readonly engine?: RuntimeWish | undefined;
  /** The edge is made this many times as slow, 1 to 1000, to stand for a slower phone. */
  readonly slowdown?: number | undefined;
  /** Whether this device measures itself: `auto`, unless it did so before; `off`; `force`. */
  readonly profile?: ProfilingMode | undefined;
  /** Of all tensors, such as `uint4+deflate`; null, as usual: as plans say. */
  readonly codec?: CodecText | null | undefined;
  /** Who plans: `eddi`, as usual, or a policy to compare it with, such as `neurosurgeon` or `cloud-webp+insured`. */
  readonly planner?: PlannerName | undefined;
  /** The only way to the cloud; null, as usual: the stream while it is open, else `fetch`. */
  readonly transport?: Transport | null | undefined;
  /** Starts the workers in another way, such as from another file. */
  readonly startWorker?: StartWorker | undefined;
}

/** What plans are made for, until it is set anew. */
export interface Objectives {
  readonly budgetMs: number;
  readonly minAccuracy: number | null;
  readonly framesPerSecond: number | null;
  /** Whether images stay on this device. */
  readonly phoneOnly: boolean;
  /** Whether exits on the way may answer when they are sure. */
  readonly earlyExits: boolean;
}

export interface CheckedClient {
  readonly settings: Omit<EdgeSettings, "avoid" | "model" | "savesData">;
  readonly model: Promise<string>;
  readonly objectives: Objectives;
  readonly startWorker: StartWorker;
}

const NAMES = [
  "baseUrl",
  "key",
  "model",
  "cloud",
  "budgetMs",
  "minAccuracy",
  "framesPerSecond",
  "phoneOnly",
  "earlyExits",
  "backend",
  "engine",
  "slowdown",
  "profile",
  "codec",
  "planner",
  "transport",
  "startWorker",
] as const;

/** @throws EddiError `bad-argument`, naming the option, what was expected and what came */
export function checkClient(given: unknown): CheckedClient {
  const { baseUrl, key, model, cloud, budgetMs, minAccuracy, framesPerSecond, ...rest } = checkRecord(
    "options",
    given,
  );
  const {
    phoneOnly = false,
    earlyExits = true,
    backend,
    engine,
    slowdown,
    profile,
    codec,
    planner,
    transport,
    startWorker: start,
    ...others
  } = rest;
  checkNothing("options", others, NAMES);
  if (start !== undefined) checkFunction("startWorker", start);
  const tails = checkCloud(cloud ?? null);
  const transports = tails === null ? TRANSPORTS : (["fetch"] as const);
  return {
    settings: {
      service: checkAddress({ baseUrl, key }),
      cloud: tails,
      backend: (backend ?? null) === null ? null : checkOneOf("backend", BACKENDS, backend),
      engine: engine === undefined ? "auto" : checkOneOf("engine", RUNTIME_WISHES, engine),
      slowdown: slowdown === undefined ? 1 : checkNumber("slowdown", slowdown, 1, 1000),
      profile: profile === undefined ? "auto" : checkOneOf("profile", PROFILING_MODES, profile),
      codec: (codec ?? null) === null ? null : checkCodec(codec),
      planner: planner === undefined ? "eddi" : checkOneOf("planner", PLANNERS, planner),
      transport: (transport ?? null) === null ? null : checkOneOf("transport", transports, transport),
    },
    model: checkModel(model),
    objectives: {
      budgetMs: budgetMs === undefined ? BUDGET_MS.usual : checkBudget(budgetMs),
      minAccuracy: minAccuracy === undefined ? null : checkMinAccuracy(minAccuracy),
      framesPerSecond: framesPerSecond === undefined ? null : checkLoad(framesPerSecond),
      phoneOnly: checkSwitch("phoneOnly", phoneOnly),
      earlyExits: checkSwitch("earlyExits", earlyExits),
    },
    startWorker: (start as StartWorker | undefined) ?? startWorker,
  };
}

/** @throws EddiError `bad-argument` */
export function checkAddress({
  baseUrl,
  key,
}: {
  readonly baseUrl: unknown;
  readonly key?: unknown;
}): ServiceAddress {
  return { baseUrl: checkUrl("baseUrl", baseUrl), key: checkKey("key", key ?? null) };
}

function checkCloud(cloud: unknown): ServiceAddress | null {
  if (cloud === null) return null;
  const { url, kind, key, ...others } = checkRecord("cloud", cloud);
  checkNothing("cloud", others, ["url", "kind", "key"]);
  checkOneOf("cloud.kind", ["oip"], kind);
  return { baseUrl: checkUrl("cloud.url", url), key: checkKey("cloud.key", key ?? null) };
}

function checkUrl(name: string, given: unknown): string {
  const text = given instanceof URL ? given.href : given;
  const expected = "an absolute http or https address, without a query";
  if (typeof text !== "string" || !URL.canParse(text)) throw bad(name, expected, given);
  const url = new URL(text);
  const isPlain = /^https?:$/.test(url.protocol) && url.search === "" && url.hash === "";
  // Whoever has a key says so: `fetch` refuses addresses with a name and a password in them.
  if (!isPlain || url.username !== "" || url.password !== "") throw bad(name, expected, text);
  return url.href.replace(/\/*$/, "/");
}

function checkKey(name: string, key: unknown): string | null {
  if (key === null) return null;
  if (typeof key === "string" && /^[\x21-\x7e]{1,256}$/.test(key)) return key;
  // A key is not to be seen, whatever is wrong with it.
  const came = typeof key === "string" ? `text of ${key.length} characters` : key;
  throw bad(name, "1 to 256 letters, digits and signs", came);
}

/** What only comes later is checked when it comes. */
function checkModel(model: unknown): Promise<string> {
  const check = (id: unknown): string => {
    if (typeof id === "string" && /^[a-z0-9][a-z0-9-]*$/.test(id)) return id;
    throw bad("model", "a model's id: lower case letters, digits and -", id);
  };
  const isPromised = typeof model === "object" && model !== null && "then" in model;
  return isPromised ? Promise.resolve(model).then(check) : Promise.resolve(check(model));
}

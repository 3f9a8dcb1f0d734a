import type { Tensor } from "@tensorflow/tfjs-core";
import { IMAGE_CODECS } from "#shared/codecs";
import { EddiError, toEddiError } from "#shared/errors";
import { forcedCodec } from "#shared/evaluator";
import type { Measured } from "#shared/learning";
import type { Transport } from "#shared/model";
import {
  allCloud,
  allEdge,
  type Detour,
  detoursOf,
  edgeNodes,
  type Model,
  type Plan,
  type SimulatedConditions,
  splitPlan,
  USUAL_CODEC,
  type WireCodec,
} from "#shared/model";
import type { Planning } from "#shared/planning";
import type { TensorValues } from "#shared/runtime";
import { type ImageInput, imageInput } from "../../image/image-input.ts";
import type { Traffic } from "../../service/traffic.ts";
import type { AnswerOptions, AskedExit, ImageSource, Provisional, Stages } from "../../talk/edge.ts";
import type { PlanWish } from "../../talk/planning.ts";
import type { CloudWays } from "../cloud/cloud-ways.ts";
import type { Coders, EncodeCut } from "../cloud/encode-cut.ts";
import type { Engine, EngineRun } from "../engine/engine.ts";
import { type Held, release } from "../engine/held.ts";
import type { Readiness } from "../weights/readiness.ts";
import type { DriftWatch } from "./drift-watch.ts";
import { labelled } from "./labelled.ts";

/** What answers are made with. */
export interface Kit {
  readonly model: Model;
  /** Of all tensors; null for what plans say. */
  readonly codec: WireCodec | null;
  /** Of codecs that were fitted to tensors: of heads that are ready they are there. */
  readonly coders: Coders;
  /** Whether the service decodes such codecs, as far as is known. */
  readonly mayFit: () => boolean;
  readonly cloud: Pick<CloudWays, "send">;
  /** As that cloud takes cuts. */
  readonly encodeCut: EncodeCut;
  /** What is waited for as if it were so. */
  readonly simulated: () => SimulatedConditions | null;
  readonly traffic: Traffic;
  /** Null while a backend is chosen, at first and after one was lost, and when none works. */
  readonly engine: () => Engine | null;
  /** An engine that fails is replaced. */
  readonly onEngineError: (error: EddiError, engine: Engine) => void;
  readonly readiness: Readiness;
  readonly drift: DriftWatch;
  readonly planFor: (wish: PlanWish) => Promise<Planning | null>;
  readonly onMeasured: (measured: Measured) => void;
}

/** One image on its way to an answer. */
export interface Job {
  readonly kit: Kit;
  readonly options: AnswerOptions;
  readonly signal: AbortSignal;
  readonly startMs: number;
  readonly input: ImageInput;
  /** The picture's file ends early or is damaged. */
  readonly isIncomplete: boolean;
  /** Null when the plan is not the optimizer's. */
  readonly planning: Planning | null;
  /** What was waited for as if it were so when the image came. */
  readonly simulated: SimulatedConditions | null;
  readonly stages: { -readonly [stage in keyof Stages]: number };
  /** Lets downloads go on, which give way to an image that is to be sent. */
  readonly leaveLink: () => void;
  plan: Plan;
  /** Early exits that have answered, or were not sure enough, with their scores. */
  readonly asked: Asked[];
  /** Tensors of the head from which the edge goes on, or can finish. */
  held: Held;
  /** Whose they are: no other engine can read them. Null while none has run. */
  ranOn: Engine | null;
  /** Nodes that have run on the edge, and in the cloud. */
  readonly here: Set<string>;
  readonly there: Set<string>;
  requestBytes: number;
  replyBytes: number;
  /** The way it went; null while nothing was sent. */
  transport: Transport | null;
  /** Tensors of the cut in whose place there is what a learned codec's encoder made of them. */
  encoded: ReadonlySet<string>;
  /** How the cut was sent. */
  codecs: Readonly<Record<string, WireCodec>>;
  ran: Measured["head"];
  cloud: Measured["cloud"];
  way: Measured["way"];
  /** Tells an answer that a better one may follow. */
  readonly tell: (
    answer: { readonly exit: string; readonly scores: Float32Array },
    by: Provisional["by"],
  ) => void;
  /** The edge works, or has, for an answer of its own beside the cloud's; what it holds is kept until that has ended. */
  finishing: Promise<void>;
  worksTwice: boolean;
}

export interface Asked extends AskedExit {
  readonly scores: Float32Array;
}

/**
 * Decodes the image and fixes its plan: the one given, else the optimizer's for the budget, else all-cloud, or the first
 * exit here where nothing may be sent.
 *
 * @throws EddiError `bad-image`, `too-large`, `bad-plan`; `bad-weights` or `unavailable` when a given plan's
 *   weights cannot be had
 */
export async function startJob(
  kit: Kit,
  source: ImageSource,
  options: AnswerOptions,
  signal: AbortSignal,
  tell: (answer: Provisional) => void,
): Promise<Job> {
  const { model, readiness } = kit;
  const simulated = kit.simulated();
  const startMs = performance.now() - (options.opened?.ms ?? 0);
  const input = await imageInput(source, model.metadata.input);
  const stages = { ...NO_TIME, imageMs: performance.now() - startMs };
  const planning = options.plan === undefined ? await kit.planFor(options) : null;
  let plan = options.plan ?? planning?.plan ?? allCloud(model, model.metadata.exits.at(-1)!.id);
  const { tail } = splitPlan(model, plan); // Refuses a plan that is none.
  const { phoneOnly = false } = options;
  if (phoneOnly && tail !== null) {
    if (options.plan !== undefined)
      throw new EddiError("bad-plan", "plan: expected one that sends nothing, got one with a tail");
    plan = allEdge(model, model.metadata.exits[0]!.id);
  }
  // Whoever may send nothing waits for the weights.
  if (options.plan !== undefined || phoneOnly)
    await readiness.prepare({ ...plan, codecs: cutCodecs({ kit, options, plan }) }, signal);
  else if (kit.engine() === null || !readiness.isReady(edgeNodes(model, plan)))
    plan = allCloud(model, plan.exit);
  signal.throwIfAborted();
  if (edgeNodes(model, plan).length > 0) stages.imageMs += msOf(() => input.values());
  const isSent = splitPlan(model, plan).tail !== null;
  stages.waitMs = performance.now() - startMs - stages.imageMs;
  return {
    kit,
    options,
    signal,
    startMs,
    input,
    isIncomplete: input.isIncomplete || options.opened?.isIncomplete === true,
    planning: plan === planning?.plan ? planning : null,
    simulated,
    stages,
    leaveLink: isSent ? kit.traffic.hold() : () => {},
    plan,
    asked: [],
    held: new Map(),
    ranOn: null,
    here: new Set(),
    there: new Set(),
    requestBytes: 0,
    replyBytes: 0,
    transport: null,
    encoded: new Set(),
    codecs: {},
    ran: null,
    cloud: null,
    way: null,
    tell: (answer, by) => tell({ ...labelled(model, answer), by, elapsedMs: performance.now() - startMs }),
    finishing: Promise.resolve(),
    worksTwice: false,
  };
}

function msOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** Milliseconds since the image arrived, where it was opened. */
export function elapsed(job: Job): number {
  return performance.now() - job.startMs;
}

/**
 * Lets the engine work for this image.
 *
 * @param signal of who waits for it
 * @returns null when there is no engine or it fails: it is replaced, and this image goes another way
 * @throws the signal's reason
 */
export async function useEngine(
  job: Job,
  run: (engine: Engine) => Promise<EngineRun>,
  signal = job.signal,
): Promise<EngineRun | null> {
  const engine = job.kit.engine();
  if (engine === null) return null;
  try {
    const start = performance.now();
    const result = await run(engine);
    job.ranOn = engine;
    job.stages.waitMs += performance.now() - start - result.ms;
    return result;
  } catch (thrown) {
    if (signal.aborted && thrown === signal.reason) throw thrown;
    job.kit.onEngineError(toEddiError(thrown), engine);
    return null;
  }
}

/** Keeps a run's tensors for the next one. One that was held before comes back as a clone. */
export function hold(job: Job, held: Held): void {
  const replaced = [...job.held].filter(([name]) => held.has(name));
  job.held = new Map([...job.held, ...held]);
  release(new Map(replaced));
}

/** All that a segment may be fed with. */
export function feedsOf(job: Job): ReadonlyMap<string, TensorValues | Tensor> {
  return new Map<string, TensorValues | Tensor>([...imageOf(job), ...job.held]);
}

/** What is to be sent, and what was said of that. */
type Sending = Pick<Job, "kit" | "options" | "plan">;

function cutCodecs(sending: Sending): NonNullable<Plan["codecs"]> {
  const { cut } = splitPlan(sending.kit.model, sending.plan);
  return Object.fromEntries(cut.map((name) => [name, codecOf(sending, name)]));
}

/** How a tensor of the cut is to travel: as the caller asks, else as the plan says, else as the client was told. */
export function codecOf({ kit, options, plan }: Sending, name: string): WireCodec {
  const { model, codec } = kit;
  const forced = (one: WireCodec): WireCodec =>
    forcedCodec(
      model,
      { node: model.dag.names.indexOf(name), exit: plan.exit },
      one,
      IMAGE_CODECS,
      kit.mayFit(),
    );
  if (options.codec !== undefined) return forced(options.codec);
  return plan.codecs?.[name] ?? forced(codec ?? USUAL_CODEC);
}

/** The learned codec's way that a tensor of the cut is to take, where its encoder is ready and the service decodes it. */
export function detourOf(job: Job, name: string): Detour | undefined {
  const { model, coders, readiness } = job.kit;
  const [detour] = detoursOf(model, { codecs: { [name]: codecOf(job, name) } });
  if (detour === undefined || !job.kit.mayFit()) return undefined;
  return coders.has(name) && readiness.isReady(detour.encoder.nodes) ? detour : undefined;
}

/** The cut at the image. */
export function imageOf({ kit, input }: Job): ReadonlyMap<string, TensorValues> {
  const { name, tensor } = kit.model.nodes[0]!;
  const image: TensorValues = {
    shape: [1, ...tensor.shape],
    get values() {
      return input.values();
    },
  };
  return new Map([[name, image]]);
}

const NO_TIME: Stages = {
  imageMs: 0,
  waitMs: 0,
  headMs: 0,
  encodeMs: 0,
  uplinkMs: 0,
  rttMs: 0,
  queueMs: 0,
  cloudMs: 0,
  downlinkMs: 0,
  lostMs: 0,
  finishMs: 0,
  otherMs: 0,
};

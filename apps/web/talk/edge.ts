import type { ImageCodecName, TensorCodecName } from "#shared/codecs";
import type { ErrorCode } from "#shared/errors";
import type { Exit, Plan, Segment, SimulatedConditions, Transport, WireCodec } from "#shared/model";
import type { Forecast, PlannerName } from "#shared/planning";
import type { ImageSize, Profile } from "#shared/profile";
import type { ServiceAddress } from "../service/service.ts";
import type { PlanWish } from "./planning.ts";

/** The whole conversation between the client and the edge worker. */
export type EdgeRequest =
  /** First and once: reads the model, then chooses a backend and fetches weights in the background. */
  | { readonly kind: "open"; readonly settings: EdgeSettings; readonly optimizer: MessagePort | null }
  /** A new port to the optimizer worker, after that one was restarted; null: it will not be any more. */
  | { readonly kind: "connect"; readonly optimizer: MessagePort | null }
  | { readonly kind: "answer"; readonly image: ImageSource; readonly options: AnswerOptions }
  /** What is waited for from now on as if it were so; null: nothing. */
  | { readonly kind: "simulate"; readonly conditions: SimulatedConditions | null }
  /** Times something on the engine, without slow-down: for the lab. Its weights are fetched first. */
  | { readonly kind: "time"; readonly what: Timing }
  /** Replied to when nothing is under way: backend chosen, wanted weights fetched or failed, plan current. */
  | { readonly kind: "settle" };

export interface EdgeReplies {
  open: ModelSummary;
  connect: null;
  answer: Answer;
  simulate: null;
  /** Milliseconds of one run. */
  time: number;
  settle: null;
}

export type EdgeEvent =
  | { readonly kind: "engine"; readonly engine: EngineReport }
  /** State of every shard, after any change. */
  | { readonly kind: "shards"; readonly shards: readonly ShardState[] }
  | { readonly kind: "profiling"; readonly profiling: Profiling }
  /** Exits that are believed less on the images of this visit, after any change. */
  | { readonly kind: "drift"; readonly drift: readonly ExitDrift[] }
  /** Something went wrong that the user should know; the edge goes on. */
  | { readonly kind: "problem"; readonly code: ErrorCode; readonly message: string }
  /** The engine failed (GPU device lost, wrong results, nothing but errors): another one takes its place. */
  | { readonly kind: "lost"; readonly backend: Backend; readonly message: string };

/** Something to time, so many runs in a row; as a `Stopwatch` has it. */
export type Timing = { readonly runs: number } & (
  | { readonly part: "whole" | "inside"; readonly segment: Segment }
  | { readonly part: "move"; readonly elements: number }
  | { readonly part: "code"; readonly codec: TensorCodecName; readonly elements: number }
  | { readonly part: "deflate"; readonly bytes: number }
  | { readonly part: "image"; readonly codec: ImageCodecName; readonly size: ImageSize }
);

/** Whether this device measures itself: unless it did so before, never, or anew. */
export type ProfilingMode = "auto" | "off" | "force";
export const PROFILING_MODES: readonly ProfilingMode[] = ["auto", "off", "force"];

/** How far this device has measured itself. */
export interface Profiling {
  /** `cached`: on an earlier visit. */
  readonly state: "waiting" | "measuring" | "done" | "cached" | "off" | "failed";
  /** Of what is being measured, 0..1. */
  readonly share: number;
  /** Of heads, as far as measured. */
  readonly profile: Profile | null;
}

export type Backend = "webgpu" | "wasm" | "webgl";
export const BACKENDS: readonly Backend[] = ["webgpu", "wasm", "webgl"];

/** What runs heads: TF.js itself, or LiteRT, on what it computes on. */
export type EdgeRuntime = "tfjs" | "litert-wasm" | "litert-webgpu";
/** LiteRT where it is measured to be faster, never, or wherever it works. */
export type RuntimeWish = "auto" | "tfjs" | "litert";
export const RUNTIME_WISHES: readonly RuntimeWish[] = ["auto", "tfjs", "litert"];

export interface EdgeSettings {
  readonly service: ServiceAddress;
  /** The Open Inference server that tails are asked of; null: the service itself. */
  readonly cloud: ServiceAddress | null;
  /** Model id. */
  readonly model: string;
  /** Tried before any other when given. */
  readonly backend: Backend | null;
  /** What may run heads beside TF.js. */
  readonly engine: RuntimeWish;
  /** The user wants few bytes: what an answer does not need is not fetched. */
  readonly savesData: boolean;
  /** Not to be tried: a worker hung on them before. */
  readonly avoid: readonly Backend[];
  /** Every run of the engine is made this many times as slow, to stand for a slower phone; 1 or more. */
  readonly slowdown: number;
  readonly profile: ProfilingMode;
  /** Of all tensors; null for what plans say. */
  readonly codec: WireCodec | null;
  /** Who plans: EDDI, or a policy to compare it with. */
  readonly planner: PlannerName;
  /** The only way to the cloud; null for the stream while it is open, else `fetch`. */
  readonly transport: Transport | null;
}

/** A file, pixels, or the model's input itself: float32, RGB interleaved, in the model's range. */
export type ImageSource = Blob | ImageBitmap | VideoFrame | ImageData | Float32Array;

/** `budgetMs`: milliseconds from the image's arrival at the edge worker. */
export interface AnswerOptions extends PlanWish {
  /** Used instead of the optimizer's. Its weights are fetched first if need be. */
  readonly plan?: Plan;
  /** Used for all tensors instead of the plan's. */
  readonly codec?: WireCodec;
  /** Told where the picture was opened before it came to the edge worker. */
  readonly opened?: OpenedPicture;
}

/** What it took to open a picture that the worker cannot, or that is too large for two to hold. */
export interface OpenedPicture {
  /** Counts as the picture's time. */
  readonly ms: number;
  readonly isIncomplete: boolean;
}

/** An answer, and what happened on the way to it. */
export interface Answer extends WhatRan {
  /** As the exit gave them, in the order of the labels: what they are says `Exit.output`. */
  readonly scores: Float32Array;
  /** About the chance of each label to be right: those of classes sum to 1. Empty where nothing is right or wrong. */
  readonly probabilities: readonly number[];
  readonly label: string;
  /** The label's calibrated probability, 0..1: how sure the answer is. NaN where nothing is right or wrong. */
  readonly confidence: number;
  /** The plan for this image; not all of it was run when an early exit was sure or the cloud failed. */
  readonly plan: Plan;
  readonly budgetMs: number;
  /** The picture's file ends early or is damaged: this answers what there is of it. */
  readonly isIncomplete: boolean;
}

/** An answer that is there at once, while a better one may follow. */
export interface Provisional extends Pick<Answer, "exit" | "label" | "confidence" | "probabilities"> {
  /** An early exit on the way that was not sure enough, or the edge in the cloud's stead. */
  readonly by: "early exit" | "insurance";
  /** From the image's arrival. */
  readonly elapsedMs: number;
}

/** What really happened to one image: the one description of it, made where it ran. */
export interface WhatRan {
  /** The exit that answered; not the plan's when one was sure, the service shed load or the edge had to finish. */
  readonly exit: string;
  /** `fallback`: the cloud was to answer, but the edge finished. */
  readonly source: "edge" | "cloud" | "fallback";
  /** Why, when it is a fallback. */
  readonly reason: string | null;
  /** Names of the nodes that ran on the edge, the image not among them; branches of exits that were asked included. */
  readonly here: readonly string[];
  /** Of those that ran in the cloud for this answer. */
  readonly there: readonly string[];
  /** Early exits that were asked, in turn. The last one answered if it was sure enough. */
  readonly asked: readonly AskedExit[];
  /** Names of the tensors that were sent, of a fallback in vain; empty for all-edge and when an early exit answered. */
  readonly cut: readonly string[];
  /** How they travelled, by name. */
  readonly codecs: Readonly<Record<string, WireCodec>>;
  /** Bytes of the request's body; 0 when nothing was sent. */
  readonly requestBytes: number;
  /** Of the reply's; 0 when there was none. */
  readonly replyBytes: number;
  /** The way it went last; null when nothing was sent. */
  readonly transport: Transport | null;
  /** The edge worked for an answer of its own beside the cloud. */
  readonly worksTwice: boolean;
  readonly stages: Stages;
  /** From the image's arrival to the scores: the sum of the stages. */
  readonly totalMs: number;
  /** Of the way that was taken; null for a forced plan, before anything is known, and for ways that nobody foresees. */
  readonly prediction: Forecast | null;
  /** What was waited for as if it were so when the image came; null: nothing. */
  readonly simulated: SimulatedConditions | null;
}

/** An exit that was right less often than its confidence said, by what the cloud made of the same images. */
export interface ExitDrift {
  readonly exit: string;
  /** Images that both have answered of late, which count the less the older they are. */
  readonly count: number;
  /** Of those, on how many they agreed, and on how many the exit's confidence had expected it. */
  readonly agreed: number;
  readonly expected: number;
  /** So much is taken off its confidence, as a logit; above 0. */
  readonly shift: number;
}

/** An early exit that was asked. */
export interface AskedExit {
  readonly exit: string;
  /** About the chance that it is right, 0..1: calibrated, and corrected where the images of this visit are others. */
  readonly confidence: number;
  /** It answers when its confidence is at least this. */
  readonly threshold: number;
}

/** Where the time of an answer went, in milliseconds. */
export interface Stages {
  /** Decoding, cropping and scaling the image. */
  readonly imageMs: number;
  /** Waiting for the plan, for weights or for the engine. */
  readonly waitMs: number;
  /** The head, its results read back. */
  readonly headMs: number;
  /** Encoding the cut tensors and the frame. */
  readonly encodeMs: number;
  /** While the request came in, by the service's clock; 0 on a stream, where that cannot be told from the rest. */
  readonly uplinkMs: number;
  /** The rest of the time between sending and the reply's first byte. */
  readonly rttMs: number;
  readonly queueMs: number;
  readonly cloudMs: number;
  /** From the reply's first byte to its last, and decoding it. */
  readonly downlinkMs: number;
  /** A fallback: the time spent on the cloud in vain. */
  readonly lostMs: number;
  /** A fallback: finishing on the edge. */
  readonly finishMs: number;
  /** Everything else: the browser's own time around a request. */
  readonly otherMs: number;
}

/** What an app needs to know of the model. */
export interface ModelSummary {
  readonly id: string;
  readonly version: string;
  readonly labels: readonly string[];
  readonly input: { readonly width: number; readonly height: number };
  readonly exits: readonly Pick<Exit, "id" | "node" | "accuracy" | "agreement">[];
  /** In topological order; predecessors by index. */
  readonly nodes: readonly { readonly name: string; readonly predecessors: readonly number[] }[];
  readonly weightBytes: number;
}

export interface EngineReport {
  /** Null when no backend works: then the cloud does everything. */
  readonly backend: Backend | null;
  /** What runs heads: TF.js at first. */
  readonly runtime: EdgeRuntime;
  /** Time of the reference net on TF.js, slow-down included. */
  readonly selfTestMs: number | null;
  readonly slowdown: number;
  readonly tried: readonly Trial[];
}

/** One backend, and how it did. */
export interface Trial {
  readonly backend: Backend;
  readonly outcome: "chosen" | "passed" | "failed" | "skipped";
  /** Time of the reference net when it ran. */
  readonly medianMs: number | null;
  /** What came out, in words. */
  readonly detail: string;
}

export interface ShardState {
  readonly path: string;
  readonly bytes: number;
  /** Of these, how many are there. */
  readonly arrivedBytes: number;
  readonly state: "absent" | "loading" | "ready" | "failed";
}

import type { EddiError } from "#shared/errors";
import type { CodecText, Plan, SimulatedConditions } from "#shared/model";
import type { PlanningTrace } from "#shared/planning";
import type {
  Answer,
  EngineReport,
  ExitDrift,
  ImageSource,
  ModelSummary,
  OpenedPicture,
  Profiling,
  Provisional,
  ShardState,
  Timing,
} from "../talk/edge.ts";
import type {
  DownloadState,
  Imagined,
  Imagining,
  NodeFacts,
  PhaseMap,
  PhaseMapRequest,
  PlanSummary,
} from "../talk/optimizer.ts";
import type { Objectives } from "./options.ts";

/**
 * Answers images with a model of a service: a head of the model runs here, the rest there, as is best for every image.
 *
 * Whatever is handed in is checked: an EddiError `bad-argument` says what was expected and what came. Every promise
 * settles: with an answer, with an EddiError of what went wrong, with `cancelled` when its signal aborts or the client
 * is closed.
 */
export interface Client {
  /** Settles when the model is known: from then on images are answered, by the cloud at least. */
  readonly ready: Promise<ModelSummary>;
  /**
   * Answers an image by the optimizer's plan, or by one that is given.
   *
   * @param image a picture's file, pixels, or the model's input itself: float32 [height, width, channels], RGB or grey
   *   as the model's input is, in its range. A bitmap or a video's frame is handed on to the worker, and closed.
   * @throws EddiError: `bad-image` or `too-large` for what is no picture to answer, `cancelled`, or what went wrong
   */
  answer(image: ImageSource, options?: AskOptions): Promise<Answer>;
  /**
   * Times something on the edge's engine, so many runs in a row and without the slow-down; of a segment whose
   * weights are there.
   *
   * @returns milliseconds of one run
   */
  time(what: Timing): Promise<number>;
  /** Resolves when a backend is chosen, wanted weights are there, heads and conditions are measured, the plan is current. */
  settle(): Promise<void>;
  /** Hears of something from now on; `state()` tells what has been before. @returns ends it */
  on<Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void): () => void;
  /** @param budgetMs of every image that has none of its own, 5 to 10000 */
  setBudget(budgetMs: number): void;
  /**
   * Plans for images that arrive so often and overlap: `answer` may then be called before the last one has
   * settled. Null: one image at a time. `state().summary.load` tells what is sustained.
   */
  setLoad(framesPerSecond: number | null): void;
  /** Wants the fastest plan of at least this top-1, 0..1; null: the best within the budget, as usual. */
  setMinAccuracy(minAccuracy: number | null): void;
  /** Whether images stay on this device, whatever it costs: then what cannot be answered here is not answered. */
  setPhoneOnly(phoneOnly: boolean): void;
  /** Whether exits on the way may answer when they are sure. */
  setEarlyExits(earlyExits: boolean): void;
  /** Nobody looks, or somebody does again: while nobody does the link is not probed. */
  setVisible(isVisible: boolean): void;
  /** The app downloads something of its own over the same link, or has it: that delays replies. */
  setDownloading(state: DownloadState): void;
  /**
   * Has images and probes wait as long as they would in these conditions, so that all is planned, learnt and answered as
   * there; of better conditions than there are nothing is seen. Downloads are as fast as ever. Null: as it is again, with
   * what was known before. Answers and the trace tell what was simulated; nothing that was learnt so is kept.
   */
  simulate(conditions: SimulatedConditions | null): void;
  /**
   * What would be planned in other conditions, or what a given exit and head would cost: nothing is run.
   *
   * @throws EddiError `bad-plan` for a head that is none, `unavailable` when the optimizer has failed
   */
  imagine(what: Imagining): Promise<Imagined>;
  /** What would be planned over a plane of conditions. @throws EddiError as `imagine`; `cancelled` by the signal */
  phaseMap(what: PhaseMapRequest, signal?: AbortSignal): Promise<PhaseMap>;
  /** What the model's nodes take now, in its order; none before the model is known. @throws EddiError as `imagine` */
  nodes(): Promise<readonly NodeFacts[]>;
  /** The latest decisions, and what they followed from: `lab replay` plans them anew. @throws EddiError as `imagine` */
  trace(): Promise<PlanningTrace>;
  /** All that is known now; plain data. */
  state(): ClientState;
  /** Ends the workers. What is under way, and all that is asked later, fails as `cancelled`; nothing more is told. */
  close(): void;
}

export interface AskOptions {
  /** As it is set when not given; 1 to 100000. */
  readonly budgetMs?: number | undefined;
  /** As it is set when not given. */
  readonly minAccuracy?: number | null | undefined;
  /** Runs this plan whatever the budget; its weights are fetched first if need be. */
  readonly plan?: Plan | undefined;
  /** Of all tensors, such as `uint4+deflate`; the plan's when not given. */
  readonly codec?: CodecText | undefined;
  /** Gives the answer up: `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Where the app has decoded the picture itself: how long that took, and whether its file was all there. */
  readonly opened?: OpenedPicture | undefined;
  /**
   * Told the file to put on show, once it is known to be a picture and before it is asked about: of a picture too large
   * to be shown it is a smaller one.
   */
  readonly onPicture?: ((shown: Blob) => void) | undefined;
  /**
   * Told answers that are there at once, while a better one may follow until the budget ends: of an early exit that was
   * not sure enough, or of the edge in the cloud's stead.
   */
  readonly onProvisional?: ((answer: Provisional) => void) | undefined;
}

export interface ClientEvents {
  /** The model is known. */
  readonly model: ModelSummary;
  /** The edge's engine is chosen; null: it failed, and another takes its place. */
  readonly engine: EngineReport | null;
  /** Weights have arrived: the state of every shard. */
  readonly progress: readonly ShardState[];
  /** How far this device has measured itself. */
  readonly profiling: Profiling;
  /** Exits that are believed less on the images of this visit; none any more. */
  readonly drift: readonly ExitDrift[];
  /** The plan for the next image, and all that it follows from. */
  readonly plan: PlanSummary;
  /** Network, edge or cloud are no longer as they were. */
  readonly conditions: ConditionsReport;
  /** Somebody has set a budget, a load or an accuracy. */
  readonly objectives: Objectives;
  /** Somebody has conditions simulated, or none any more. */
  readonly simulated: SimulatedConditions | null;
  /** The link is to be measured: the app is to begin no download of its own until it is told `false`. */
  readonly hold: boolean;
  /** Somebody has asked for an answer. */
  readonly answering: Answering;
  /** Something went wrong that the user should know; the client goes on. */
  readonly problem: EddiError;
}

export type ConditionsReport = Pick<PlanSummary, "conditions" | "cloud" | "measured">;

/** An image under way. */
export interface Answering {
  readonly image: ImageSource;
  /** What of it can be put on show, as far as that is known; null for what is no file. */
  picture(): Blob | null;
  /** The very promise that whoever asked has. */
  readonly answer: Promise<Answer>;
}

export interface ClientState extends Objectives {
  readonly model: ModelSummary | null;
  readonly engine: EngineReport | null;
  readonly profiling: Profiling;
  readonly shards: readonly ShardState[];
  /** Exits that are believed less on the images of this visit. */
  readonly drift: readonly ExitDrift[];
  /** Of shards that are there as a whole. */
  readonly loadedBytes: number;
  /** Conditions, plan for the next image, prediction, state of the cloud; null before the first plan. */
  readonly summary: PlanSummary | null;
  /** What is waited for as if it were so; null: nothing. */
  readonly simulated: SimulatedConditions | null;
}

import { computed, signal } from "@preact/signals";
import { BUDGET_MS, type Objectives } from "../../client/index.ts";
import type {
  Answer,
  EngineReport,
  ExitDrift,
  ModelSummary,
  Profiling,
  Provisional,
  ShardState,
} from "../../talk/edge.ts";
import type { Imagined, NodeFacts, PlanSummary } from "../../talk/optimizer.ts";
import { type CameraTools, NO_TOOLS } from "../choice/camera-tools.ts";
import { type Block, foldModel } from "../graph/fold.ts";
import type { LiveRate } from "../settings/settings.ts";
import { type LiveAnswer, sharesOf } from "../words/live-shares.ts";
import { later } from "./later.ts";
import type { OpenedVisit } from "./open-visit.ts";

/** Everything that the page shows. Written by `controller.ts`, read by the components. */
export const model = signal<ModelSummary | null>(null);
/** Of the model that is opened; null until it is known which. */
export const modelId = signal<string | null>(null);
/** Names of the models that there are to choose from. */
export const models = signal<readonly string[]>([]);
export const engine = signal<EngineReport | null>(null);
export const shards = signal<readonly ShardState[]>([]);
export const profiling = signal<Profiling>({ state: "waiting", share: 0, profile: null });
/** Exits that are believed less on the images of this visit. */
export const drift = signal<readonly ExitDrift[]>([]);
export const summary = signal<PlanSummary | null>(null);
/** What plans are made for; null before the client tells. */
export const objectives = signal<Objectives | null>(null);
export const budgetMs = computed(() => objectives.value?.budgetMs ?? BUDGET_MS.usual);
export const picture = signal<Picture | null>(null);
export const answer = signal<Answer | null>(null);
/** What was known when the image of `answer` was asked about. */
export const asked = signal<PlanSummary | null>(null);
/** An answer that stands until a better one comes. */
export const provisional = signal<Provisional | null>(null);
/** The question that is open below the time. */
export const tab = signal<Tab>("why");
/** The model's trunk, folded for drawings. */
export const blocks = later<readonly Block[]>(() => (model.value === null ? [] : foldModel(model.value)), []);
/** What the model's nodes take, as it was known when somebody looked. */
export const nodeFacts = signal<readonly NodeFacts[]>([]);
/** Number of the block that somebody has chosen. */
export const selectedBlock = signal<number | null>(null);
/** The split that the user has chosen instead of the Optimizer's, and what it is expected to cost. */
export const pinned = signal<Imagined | null>(null);
/** The photo on show, answered as the user has chosen and as the Optimizer has; null while there are no such two. */
export const compared = signal<Compared | null>(null);
/** A visit that was saved, as it is looked at. */
export const openedVisit = signal<OpenedVisit | null>(null);
/** Whether a file hovers over the page. */
export const isDraggedOver = signal(false);
export const isSettingsOpen = signal(false);
/** Whether the samples are on show. */
export const areSamplesOpen = signal(true);
/** How often the live camera's pictures are answered. */
export const liveRate = signal<LiveRate>(null);
/** Camera pictures answered a second, while it is live. */
export const livePerSecond = signal<number | null>(null);
/** Who answered its latest pictures; none while it is not. */
export const liveAnswers = signal<readonly LiveAnswer[]>([]);
export const liveShares = computed(() => sharesOf(liveAnswers.value));
/** Images under way. */
export const underWay = signal(0);
/** The camera: closed, open, or classifying all the time. */
export const camera = signal<"closed" | "open" | "live">("closed");
/** Whether it shows a picture. */
export const isCameraPlaying = signal(false);
/** What the open camera can do beside showing pictures. */
export const cameraTools = signal<CameraTools>(NO_TOOLS);
/** Whether there are two columns: what is folded on a phone is open there. */
export const isWide = signal(false);
/** Why an open camera gives no pictures; null while it does. */
export const cameraMuted = signal<string | null>(null);
export const samples = signal<Samples | null>(null);
export const problems = signal<readonly Problem[]>([]);

export const busy = computed(() => underWay.value > 0);

/** Parts of shards included. */
export const arrivedBytes = computed(() =>
  shards.value.reduce((sum, { arrivedBytes: bytes }) => sum + bytes, 0),
);

export const loadedBytes = computed(() =>
  shards.value.filter(({ state }) => state === "ready").reduce((sum, { bytes }) => sum + bytes, 0),
);

export type Tab = "why" | "split" | "whatif";

export interface Compared {
  readonly own: Answer;
  readonly chosen: Answer;
}

/** What is being classified, as it is shown. */
export interface Picture {
  /** Null while the camera shows itself. */
  readonly url: string | null;
  /** What it is said to show, if anybody says. */
  readonly label: string | null;
}

export interface Samples {
  /** `drawings`: made by our own code, because the service has no photos. */
  readonly source: "photos" | "drawings";
  readonly items: readonly Sample[];
  /** Models that have photos of their own, with one of these. */
  readonly others: readonly OtherSamples[];
  /** Whether no more will come. */
  readonly isWhole: boolean;
}

export interface OtherSamples {
  readonly model: string;
  readonly url: string;
}

export interface Sample {
  readonly url: string;
  readonly label: string;
  /** Of a drawing; a photo is fetched when it is chosen. */
  readonly file?: Blob;
}

export interface Problem {
  readonly id: number;
  readonly message: string;
  /** About a picture: gone with the next one. */
  readonly passing: boolean;
}

/** Shows a message until the user closes it; the same message only once. */
export function showProblem(message: string, passing = false): void {
  if (problems.value.some((problem) => problem.message === message)) return;
  const id = 1 + Math.max(0, ...problems.value.map((problem) => problem.id));
  problems.value = [...problems.value, { id, message, passing }].slice(-4);
}

export function closeProblem(id: number): void {
  problems.value = problems.value.filter((problem) => problem.id !== id);
}

export function closePassingProblems(): void {
  problems.value = problems.value.filter((problem) => !problem.passing);
}

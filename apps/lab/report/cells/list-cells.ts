import type { Stratum } from "../../simulate/population/population.ts";
import type { Cell, UsualWorld, Wish } from "../results/cell.ts";
import { ASSUMPTIONS } from "./assumptions.ts";
import { hardshipCells } from "./hardship-cells.ts";
import type { ReportTrace } from "./traces.ts";

/** A model that is reported on, with the top-1 of its full net. */
export interface ReportModel {
  readonly id: string;
  readonly accuracy: number;
  /** Whether its layers were timed alone. */
  readonly hasLayers: boolean;
}

export interface CellOptions {
  readonly models: readonly ReportModel[];
  readonly traces: readonly ReportTrace[];
  /** Photos in each cell are so many times as usual. */
  readonly effort: number;
  readonly seed: number;
  /** Of the population. */
  readonly strata: readonly Pick<Stratum, "weight" | "radio" | "device">[];
  /** Of all policies that there are. */
  readonly all: readonly string[];
}

export const BUDGETS_MS = [10, 20, 60, 100, 150, 200, 300, 400, 600, 1000];
/** Where either nothing or everything is in time, one phone tells enough. */
const EXTREME_BUDGETS_MS = [10, 20, 1000];
const EXTREME_SLOWDOWN = 4;
export const SLOWDOWNS = [1, 4, 10, 20];
const UPLINKS_MBPS = [0.05, 0.13, 0.3, 0.6, 1.1, 2.5, 5.85, 10, 18.88, 50];
export const CLOUD_SCALES = [1, 4, 16, 64];
export const OTHER_CLIENTS = [1, 10, 30, 60, 100, 200];
/** What others take of the service where nothing else is said. */
const USUAL_LOAD = 0.25;
const LOAD_UPLINKS_MBPS = [0.6, 1.1, 2.5, 5.85, 18.88, 50];
/** So many points below the full net are fast enough an answer's accuracy. */
const FLOOR = 0.01;

const UNDER_BUDGETS = [
  "eddi",
  "clairvoyant",
  "edge-only",
  "cloud-jpeg",
  "cloud-webp+insured",
  "edgent",
  "spinn",
  "spinn+insured",
  "qdmp",
  "qdmp+insured",
  "branchynet",
  "portend",
];
const BY_LATENCY = [
  "eddi",
  "clairvoyant",
  "edge-only",
  "edge-only-last",
  "cloud-jpeg",
  "cloud-webp",
  "neurosurgeon",
  "qdmp",
  "dads-light-corrected",
  "spinn",
];
const UNDER_LOAD = [
  "eddi",
  "clairvoyant",
  "edge-only-last",
  "cloud-jpeg",
  "dads-heavy",
  "dads-heavy-corrected",
  "qdmp",
];
const ABLATIONS = [
  "eddi",
  "eddi-no-exits",
  "eddi-no-early-exits",
  "eddi-no-cut",
  "eddi-no-rtt",
  "eddi-no-queue",
  "eddi-no-codecs",
  "eddi-point-estimates",
  "eddi-no-change",
  "eddi-no-insurance",
];

/** All that the report is made of, conditions fixed here beforehand, whatever they say. */
export function listCells(options: CellOptions): readonly Cell[] {
  return [
    ...budgets(options),
    ...uplinks(options),
    ...capacities(options),
    ...loads(options),
    ...ablations(options),
    ...hardshipCells(flagshipOf(options.models).id, options.traces, USUAL, times(120, options), options.seed),
    ...population(options),
    ...splitting(options),
    ...sensitivity(options),
  ];
}

const USUAL: UsualWorld = {
  kind: "given",
  uplink: 5.85e6,
  rttMs: 50,
  slowdown: 4,
  cloudScale: 1,
  load: USUAL_LOAD,
  without: [],
  framesPerSecond: null,
  everyMs: 1500,
};

function times(count: number, { effort }: CellOptions): number {
  return Math.max(2, Math.round(count * effort));
}

function budgets(options: CellOptions): readonly Cell[] {
  return options.models.flatMap(({ id }) =>
    SLOWDOWNS.flatMap((slowdown) =>
      BUDGETS_MS.filter(
        (budgetMs) => slowdown === EXTREME_SLOWDOWN || !isExtreme(slowdown, budgetMs),
      ).flatMap((budgetMs) =>
        options.traces.map(
          (trace, at): Cell => ({
            study: "budgets",
            model: id,
            workScale: 1,
            world: {
              ...USUAL,
              // Not always the same stretch of a trace.
              uplink: { file: trace.file, startMs: 17_000 * (budgetMs % 7) + 5000 * slowdown },
              rttMs: trace.rttMs,
              slowdown,
              objective: { kind: "accuracy", budgetMs },
              answers: times(5, options),
            },
            policies: UNDER_BUDGETS,
            seed: options.seed + 1000 * at + budgetMs + slowdown,
            at: { slowdown, budgetMs, trace: trace.name },
            weight: 1,
          }),
        ),
      ),
    ),
  );
}

function isExtreme(slowdown: number, budgetMs: number): boolean {
  return EXTREME_BUDGETS_MS.includes(budgetMs) || (slowdown === 1 && budgetMs > 300);
}

function uplinks(options: CellOptions): readonly Cell[] {
  return options.models.flatMap(({ id, accuracy }) =>
    UPLINKS_MBPS.map(
      (uplinkMbps, at): Cell => ({
        study: "uplinks",
        model: id,
        workScale: 1,
        world: {
          ...USUAL,
          uplink: 1e6 * uplinkMbps,
          objective: { kind: "latency", minAccuracy: accuracy - FLOOR },
          answers: times(20, options),
        },
        policies: BY_LATENCY,
        seed: options.seed + at,
        at: { uplinkMbps },
        weight: 1,
      }),
    ),
  );
}

function capacities(options: CellOptions): readonly Cell[] {
  const points = [
    ...CLOUD_SCALES.map((cloudScale) => ({ cloudScale, load: USUAL_LOAD, at: { cloudScale } })),
    ...OTHER_CLIENTS.map((clients) => ({ cloudScale: 1, load: { clients }, at: { clients } })),
  ];
  return options.models.flatMap(({ id, accuracy }) =>
    points.map(
      ({ cloudScale, load, at: named }, at): Cell => ({
        study: "capacity",
        model: id,
        workScale: 1,
        world: {
          ...USUAL,
          cloudScale,
          load,
          objective: { kind: "latency", minAccuracy: accuracy - FLOOR },
          answers: times(20, options),
        },
        policies: BY_LATENCY,
        seed: options.seed + 100 + at,
        at: named,
        weight: 1,
      }),
    ),
  );
}

/** Frames come faster than anything sustains: what is answered a second is what a policy sustains. */
function loads(options: CellOptions): readonly Cell[] {
  return options.models.flatMap(({ id }) =>
    LOAD_UPLINKS_MBPS.map(
      (uplinkMbps, at): Cell => ({
        study: "load",
        model: id,
        workScale: 1,
        world: {
          ...USUAL,
          uplink: 1e6 * uplinkMbps,
          objective: { kind: "accuracy", budgetMs: 1000 },
          framesPerSecond: 60,
          answers: times(400, options),
          everyMs: 1000 / 60,
        },
        policies: UNDER_LOAD,
        seed: options.seed + 200 + at,
        at: { uplinkMbps },
        weight: 1,
      }),
    ),
  );
}

function ablations(options: CellOptions): readonly Cell[] {
  const model = flagshipOf(options.models);
  return [4, 10].flatMap((slowdown) =>
    [150, 300, 600].flatMap((budgetMs) =>
      options.traces.map(
        (trace, at): Cell => ({
          study: "ablations",
          model: model.id,
          workScale: 1,
          world: {
            ...USUAL,
            uplink: { file: trace.file, startMs: 0 },
            rttMs: trace.rttMs,
            slowdown,
            objective: { kind: "accuracy", budgetMs },
            answers: times(8, options),
          },
          policies: model.hasLayers ? [...ABLATIONS, "eddi-layer-sums"] : ABLATIONS,
          seed: options.seed + 300 + at,
          at: { slowdown, budgetMs, trace: trace.name },
          weight: 1,
        }),
      ),
    ),
  );
}

/** On the fixed strata: all policies with the flagship, which also stands for a larger net. */
function population(options: CellOptions): readonly Cell[] {
  const flagship = flagshipOf(options.models);
  return options.models.flatMap((model) =>
    (model === flagship ? WORK_SCALES : [1]).flatMap((workScale) =>
      options.strata.map(
        ({ weight }, place): Cell => ({
          study: "population",
          model: model.id,
          workScale,
          world: { kind: "stratum", place, most: times(3, options), assumption: null, wish: "budget" },
          policies: model === flagship && workScale <= 4 ? options.all : IN_POPULATION,
          seed: options.seed,
          at: { workScale, stratum: place + 1 },
          weight,
        }),
      ),
    ),
  );
}

/** What cuts and the codecs fitted to them buy: by the users' budgets, and by their accuracy floors. */
function splitting(options: CellOptions): readonly Cell[] {
  return options.models.flatMap((model) =>
    WISHES.flatMap((wish) =>
      options.strata.map(
        ({ weight, radio, device }, place): Cell => ({
          study: "splitting",
          model: model.id,
          workScale: 1,
          world: { kind: "stratum", place, most: times(3, options), assumption: null, wish },
          policies: IN_SPLITTING,
          seed: options.seed,
          at: { wish, radio, device, stratum: place + 1 },
          weight,
        }),
      ),
    ),
  );
}

/** The population's weakest assumptions, each made otherwise. */
function sensitivity(options: CellOptions): readonly Cell[] {
  return ASSUMPTIONS.flatMap(({ name, weightOf = () => 1 }) =>
    options.strata.map(
      ({ weight, radio }, place): Cell => ({
        study: "sensitivity",
        model: flagshipOf(options.models).id,
        workScale: 1,
        world: { kind: "stratum", place, most: times(3, options), assumption: name, wish: "budget" },
        policies: IN_SENSITIVITY,
        seed: options.seed,
        at: { assumption: name, stratum: place + 1 },
        weight: weight * weightOf(radio),
      }),
    ),
  );
}

/** The page's own where it is reported on, else the first. */
export function flagshipOf<Named extends Pick<ReportModel, "id">>(models: readonly Named[]): Named {
  return models.find(({ id }) => id === "resnet-imagenette") ?? models[0]!;
}

/** So many times the net's work, for the population. */
export const WORK_SCALES = [1, 4, 16];
export const IN_SENSITIVITY = ["eddi", "edge-only", "cloud-webp+insured", "clairvoyant"];
export const WISHES: readonly Wish[] = ["budget", "floor"];
const IN_SPLITTING = ["eddi", "eddi-no-fitted", "eddi-no-cut", "edge-only", "cloud-webp", "cloud-jpeg"];
export const IN_POPULATION = [
  "eddi",
  "clairvoyant",
  "edge-only",
  "cloud-jpeg",
  "cloud-webp",
  "cloud-webp+insured",
  "edgent",
  "spinn",
  "spinn+insured",
  "qdmp",
  "qdmp+insured",
  "branchynet",
  "portend",
];

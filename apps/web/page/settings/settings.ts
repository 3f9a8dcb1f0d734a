import { type CodecText, parseCodec, TRANSPORTS, type Transport } from "#shared/model";
import { PLANNERS, type PlannerName } from "#shared/planning";
import { BUDGET_MS, CODEC_TEXTS, type Objectives } from "../../client/index.ts";
import {
  BACKENDS,
  type Backend,
  PROFILING_MODES,
  type ProfilingMode,
  RUNTIME_WISHES,
  type RuntimeWish,
} from "../../talk/edge.ts";

/** How often the live camera's frames are classified. */
export type LiveRate = number | "most" | null;

/** What the page's address says: `?model=tiny&backend=wasm&slowdown=4&profile=off&codec=float32&budget=200`. */
export interface PageSettings {
  /** Model id; null for the service's own choice. */
  readonly model: string | null;
  /** Forces a TF.js backend; null for the fastest that works. */
  readonly backend: Backend | null;
  /** What may run heads: LiteRT where it is measured to be faster (`auto`), never (`tfjs`), or wherever it works (`litert`). */
  readonly engine: RuntimeWish;
  /**
   * The engine of the edge is made this many times as slow, 1 to 1000, to stand for a slower phone: after
   * each run the edge worker waits until that has lasted `slowdown` times the fastest run of its segment so
   * far. The self-test's time is multiplied too.
   */
  readonly slowdown: number;
  /** Whether the edge measures itself: on a first visit (`auto`), never (`off`), or on every visit (`force`). */
  readonly profile: ProfilingMode;
  /** How all tensors travel; null for what plans say. */
  readonly codec: CodecText | null;
  /** Who plans: EDDI, or a policy to compare it with. */
  readonly planner: PlannerName;
  /** The only way to the cloud; null for the stream while it is open, else `fetch`. */
  readonly transport: Transport | null;
  readonly budgetMs: number;
  /**
   * Frames a second that the live camera has classified, 0.1 to 60, or as many as a plan for that sustains (`most`),
   * the stages of several overlapping; null: one after the other.
   */
  readonly framesPerSecond: LiveRate;
  /** Top-1 that is enough, 0 to 1: the fastest plan of it is wanted, not the best within the budget. */
  readonly minAccuracy: number | null;
  /** `?only=phone`: nothing of a photo is sent. */
  readonly phoneOnly: boolean;
  /** `?early=off`: no exit on the way answers. */
  readonly earlyExits: boolean;
}

/**
 * Reads the address' query. A value that makes no sense is replaced by its default.
 *
 * @returns the settings, and a message for every value refused
 */
export function readSettings(query: string): {
  readonly settings: PageSettings;
  readonly problems: readonly string[];
} {
  const given = new URLSearchParams(query);
  // Addresses that people kept from when it was called so.
  const former = given.get("calibrate");
  if (former !== null && !given.has("profile")) given.set("profile", former);
  const problems: string[] = [];
  const read = <T>(name: string, usual: T, expected: string, parse: (text: string) => T | null): T => {
    const text = given.get(name);
    if (text === null) return usual;
    const value = parse(text);
    if (value !== null) return value;
    problems.push(`?${name}=${text.slice(0, 60)}: expected ${expected}`);
    return usual;
  };
  const number = (least: number, most: number) => (text: string) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    return value >= least && value <= most ? value : null;
  };
  const oneOf =
    <T extends string>(values: readonly T[]) =>
    (text: string) =>
      values.find((value) => value === text) ?? null;
  const { least, most, usual } = BUDGET_MS;
  const settings: PageSettings = {
    model: read<string | null>("model", null, "a model id: lower case letters, digits and -", (text) =>
      /^[a-z0-9][a-z0-9-]*$/.test(text) ? text : null,
    ),
    backend: read<Backend | null>("backend", null, `one of ${BACKENDS.join(", ")}`, oneOf(BACKENDS)),
    engine: read<RuntimeWish>("engine", "auto", `one of ${RUNTIME_WISHES.join(", ")}`, oneOf(RUNTIME_WISHES)),
    slowdown: read("slowdown", 1, "a number from 1 to 1000", number(1, 1000)),
    profile: read<ProfilingMode>(
      "profile",
      "auto",
      `one of ${PROFILING_MODES.join(", ")}`,
      oneOf(PROFILING_MODES),
    ),
    codec: read<CodecText | null>("codec", null, CODEC_TEXTS, (text) =>
      parseCodec(text) === null ? null : (text.replace(" ", "+") as CodecText),
    ),
    planner: read<PlannerName>("planner", "eddi", `one of ${PLANNERS.join(", ")}`, (text) =>
      // A plus sign in an address is a space.
      oneOf(PLANNERS)(text.replace(" ", "+")),
    ),
    transport: read<Transport | null>("transport", null, "fetch or stream", oneOf(TRANSPORTS)),
    budgetMs: read("budget", usual, `milliseconds from ${least} to ${most}`, number(least, most)),
    framesPerSecond: read<LiveRate>("fps", null, "frames a second from 0.1 to 60, or most", (text) =>
      text === "most" ? text : number(0.1, 60)(text),
    ),
    minAccuracy: read<number | null>("accuracy", null, "a top-1 accuracy from 0 to 1", number(0, 1)),
    phoneOnly: read("only", false, "phone", (text) => (text === "phone" ? true : null)),
    earlyExits: read("early", true, "off", (text) => (text === "off" ? false : null)),
  };
  return { settings, problems };
}

/** The page's own address with what was set since it was opened, for the next visit, or one with another model. */
export function addressWith(
  objectives: Omit<Objectives, "framesPerSecond"> & Pick<PageSettings, "framesPerSecond">,
  address: string,
): string {
  const url = new URL(address);
  const { budgetMs, minAccuracy, phoneOnly, earlyExits, framesPerSecond } = objectives;
  const usual = readSettings("").settings;
  const told = {
    budget: budgetMs === usual.budgetMs ? null : `${budgetMs}`,
    fps: framesPerSecond === null ? null : `${framesPerSecond}`,
    accuracy: minAccuracy === null ? null : `${minAccuracy}`,
    only: phoneOnly ? "phone" : null,
    early: earlyExits ? null : "off",
  };
  for (const [name, value] of Object.entries(told)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.href;
}

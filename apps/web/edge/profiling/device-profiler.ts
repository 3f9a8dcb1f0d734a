import { toEddiError } from "#shared/errors";
import type { Model } from "#shared/model";
import {
  headsFromSamples,
  insidePlan,
  type Measurement,
  makeProfile,
  measurePlan,
  nodeWork,
  type Profile,
  readProfile,
  type Sample,
  type Stopwatch,
  sampleJobs,
  type Timed,
  timeInRounds,
  transferJobs,
  workUnits,
} from "#shared/profile";
import type { Profiling, ProfilingMode } from "../../talk/edge.ts";
import { type ProfileCache, profileKey } from "./profile-cache.ts";

export interface ProfilerOptions {
  readonly model: Model;
  readonly mode: ProfilingMode;
  readonly slowdown: number;
  readonly cache: ProfileCache;
  /** What is measured, once a backend is chosen; null when none works. */
  readonly device: () => Promise<ProfiledDevice | null>;
  /** Settles when no image is under way. */
  readonly idle: () => Promise<void>;
  /** How many images have been taken up so far. */
  readonly images: () => number;
  readonly onProfile: (profile: Profile) => void;
  readonly onChange: (profiling: Profiling) => void;
  /** A clock, in milliseconds. */
  readonly now: () => number;
  /** How long measuring may take, waiting for images not counted. */
  readonly limitMs?: number;
}

export interface ProfiledDevice {
  /** What the profile belongs to: GPU or browser. */
  readonly adapter: string;
  readonly backend: string;
  /** Of the reference net, slow-down included. */
  readonly selfTestMs: number;
  readonly watch: Stopwatch;
}

const LIMIT_MS = 1500;
const REPEATS = 9;
/** Runs without one that is faster than those before, and how long is waited for them. */
const WARM_RUNS = 5;
const WARM_MS = 1000;
/** At least so many turns, warm-up included, should fit in the limit. */
const TURNS = 5;

/**
 * Measures this device's heads: shortly, and only while no image is under way. A timing that an image came
 * into is repeated. What is ready is measured, and the rest when it has become ready; the profile is kept for
 * the next visit.
 */
export class DeviceProfiler {
  private readonly options: ProfilerOptions;
  private ready: ReadonlySet<string> = new Set();
  private profile: Profile | null = null;
  private isLoaded = false;
  private running: Promise<void> | null = null;

  constructor(options: ProfilerOptions) {
    this.options = options;
    if (options.mode === "off") options.onChange({ state: "off", share: 0, profile: null });
  }

  /** Forgets what was measured: there is another engine. */
  restart(): void {
    this.ready = new Set();
    this.profile = null;
    this.isLoaded = false;
  }

  /** Tells which nodes can be run now. */
  nodesReady(nodes: ReadonlySet<string>): void {
    this.ready = new Set(nodes);
    if (this.options.mode === "off") return;
    this.running ??= this.work()
      .catch((thrown: unknown) => {
        // A backend that fails shows with the next image; until then others' profiles have to do.
        console.warn(`profiling: ${toEddiError(thrown).message}`);
        this.tell("failed", 1);
      })
      .finally(() => {
        this.running = null;
      });
  }

  /** Resolves when nothing is being measured. */
  async settled(): Promise<void> {
    while (this.running !== null) await this.running;
  }

  private async work(): Promise<void> {
    const device = await this.options.device();
    if (device === null) return;
    if (!this.isLoaded) await this.load(device);
    this.isLoaded = true;
    for (let todo = this.todo(); todo.length > 0; todo = this.todo()) await this.measure(device, todo);
  }

  private async load(device: ProfiledDevice): Promise<void> {
    const { mode, cache, onProfile } = this.options;
    if (mode === "force") return;
    this.profile = this.usable(await cache.read(this.key(device)), device);
    if (this.profile === null) return;
    onProfile(this.profile);
    this.tell("cached", 1);
  }

  /** Heads that could be measured and have no time yet, and what is inside their blocks. */
  private todo(): readonly Measurement[] {
    const { model } = this.options;
    const known = this.profile?.nodeMs ?? {};
    const [input] = model.dag.names;
    const isNew = ({ at }: Measurement): boolean =>
      at === input ? this.profile === null : known[at] === undefined;
    const isReady = (name: string): boolean => name === input || this.ready.has(name);
    const open = [...measurePlan(model, "head"), ...insidePlan(model)].filter(
      (one) =>
        [one.from ?? input!, ...one.segment.nodes].every(isReady) && (isNew(one) || one.at === one.from),
    );
    const isWorth = open.some((one) => one.from === undefined && one.at !== input);
    return isWorth
      ? open.filter(({ at, from }) => at !== from || open.some((one) => one.from === from && one.at !== from))
      : [];
  }

  private async measure(device: ProfiledDevice, todo: readonly Measurement[]): Promise<void> {
    const { model, limitMs = LIMIT_MS, cache, onProfile } = this.options;
    this.tell("measuring", 0);
    let spentMs = 0;
    const timed =
      (job: Timed): Timed =>
      async (runs) => {
        for (;;) {
          await this.options.idle();
          const before = this.options.images();
          const start = this.options.now();
          const ms = await job(runs);
          spentMs += this.options.now() - start;
          if (this.options.images() === before) return ms * this.options.slowdown;
        }
      };
    const chosen = await this.affordable(todo, timed, device, limitMs);
    const segments = sampleJobs(chosen, device.watch);
    const transfer = this.profile === null ? transferJobs(model, "head", device.watch) : null;
    const count = transfer?.jobs.length ?? 0;
    const timings = await timeInRounds([...(transfer?.jobs ?? []), ...segments.jobs].map(timed), {
      warmups: 1,
      repeats: REPEATS,
      isOver: () => spentMs > limitMs,
      onProgress: (share) => this.tell("measuring", Math.max(share, Math.min(1, spentMs / limitMs))),
    });
    const moved = transfer?.result(timings.slice(0, count)) ?? this.profile!.transfer;
    const samples: readonly Sample[] = [
      ...(this.profile?.samples ?? []),
      ...segments.result(timings.slice(count)),
    ];
    const { adapter, backend, selfTestMs } = device;
    const of = { model, role: "head", device: adapter, backend, selfTestMs } as const;
    this.profile = makeProfile(of, samples, moved, headsFromSamples(model, samples, moved));
    onProfile(this.profile);
    await cache.write(this.key(device), this.profile);
    this.tell("done", 1);
  }

  /**
   * As many of the measurements as the time suffices for: the longest head of each exit at least, of the other
   * heads every second, third and so on, and no insides then.
   */
  private async affordable(
    todo: readonly Measurement[],
    timed: (job: Timed) => Timed,
    { watch }: ProfiledDevice,
    limitMs: number,
  ): Promise<readonly Measurement[]> {
    const { model } = this.options;
    const units = new Map(nodeWork(model).map((work, at) => [model.dag.names[at]!, workUnits(work)]));
    const workOf = ({ segment }: Measurement): number =>
      segment.nodes.reduce((sum, name) => sum + units.get(name)!, 0);
    const heads = todo.filter(({ from }) => from === undefined);
    const longest = heads.reduce((a, b) => (workOf(b) > workOf(a) ? b : a));
    const time = timed((runs) => watch.whole(longest.segment, runs));
    const longestMs = (await this.warm(time)) / this.options.slowdown;
    const msPerUnit = longestMs / Math.max(1, workOf(longest));
    const roundMs = msPerUnit * todo.reduce((sum, one) => sum + workOf(one), 0);
    const every = Math.ceil((roundMs * TURNS) / limitMs);
    if (every <= 1) return todo;
    const lastOf = new Map(heads.map((one) => [one.exit, one]));
    return heads.filter((one, at) => at % every === 0 || lastOf.get(one.exit) === one || workOf(one) === 0);
  }

  /** Runs until it gets no faster: browsers compile first quickly and then well. @returns the fastest */
  private async warm(time: Timed): Promise<number> {
    let fastest = Number.POSITIVE_INFINITY;
    const end = this.options.now() + WARM_MS;
    for (
      let idle = 0;
      idle < WARM_RUNS && (this.options.now() < end || fastest === Number.POSITIVE_INFINITY);
      idle++
    ) {
      const ms = await time(1);
      if (ms < 0.95 * fastest) idle = -1;
      fastest = Math.min(fastest, ms);
    }
    return fastest;
  }

  /** A stored profile if it is one of this device, backend and model; null for anything else. */
  private usable(stored: unknown, { backend, adapter }: ProfiledDevice): Profile | null {
    if (stored === null || stored === undefined) return null;
    try {
      const profile = readProfile(stored);
      const { metadata, version, dag } = this.options.model;
      const isOurs = profile.model === metadata.id && profile.version === version && profile.role === "head";
      const isHere = profile.backend === backend && profile.device === adapter;
      const known = Object.keys(profile.nodeMs);
      return isOurs && isHere && known.length > 0 && known.every((name) => dag.names.includes(name))
        ? profile
        : null;
    } catch {
      return null;
    }
  }

  private key({ adapter, backend }: ProfiledDevice): string {
    const { model, slowdown } = this.options;
    return profileKey({ adapter, backend, model: model.metadata.id, version: model.version, slowdown });
  }

  private tell(state: Profiling["state"], share: number): void {
    this.options.onChange({ state, share, profile: state === "measuring" ? null : this.profile });
  }
}

import { type Random, randomFrom } from "#shared/random";
import { gammaGap } from "../chance/gaps.ts";
import { normal } from "../chance/normal.ts";
import { seedOf } from "../chance/seeds.ts";
import { Series } from "../chance/series.ts";

export interface CloudSettings {
  /** So many times as slow as the profile of tails. */
  readonly scale: number;
  /** Of its times: standard deviation of the logarithm. */
  readonly noise: number;
  /** Tails that run at once. */
  readonly workers: number;
  readonly batching: Batching | null;
  readonly others: OtherClients;
  /** From the first request of the session on nobody is served for so long; 0: it runs already. */
  readonly coldStartMs: number;
  /** Whoever would wait longer is refused. */
  readonly maxQueueMs: number;
}

/** Jobs that wait together run together: the first in full, each other one for this share of its own time. */
export interface Batching {
  readonly most: number;
  readonly share: number;
}

export interface OtherClients {
  /** Of the workers' time, 0..1. */
  readonly utilisation: number;
  /** Coefficient of variation of the gaps between their requests. */
  readonly arrivalCv: number;
  /** Mean time of one of their tails, in ms; above 0. */
  readonly jobMs: number;
  /** When they come more often, which nobody is told. By time, apart from each other. */
  readonly bursts: readonly Burst[];
}

export interface Burst {
  readonly fromMs: number;
  readonly toMs: number;
  readonly factor: number;
}

/** How a request went in the service. */
export interface Served {
  readonly startMs: number;
  readonly endMs: number;
}

/** Somebody's tail that waits. */
interface Job {
  readonly atMs: number;
  readonly ms: number;
  readonly own: boolean;
}

/**
 * The service: workers that serve whoever came first, our client and all others, alone or in batches. What others do
 * follows from the seed, so it can be asked what would become of a request without sending it.
 */
export class Cloud {
  private readonly settings: CloudSettings;
  private readonly pace: Series;
  private readonly arrivals: Arrivals | null;
  /** When each worker is free. */
  private free: number[];
  private waiting: Job[] = [];
  /** How many of the others' jobs have come. */
  private came = 0;
  private nowMs = 0;
  private isCold: boolean;

  constructor(settings: CloudSettings, seed: number) {
    this.settings = settings;
    this.pace = new Series(seedOf(seed, "cloud"), 200, 0.5);
    this.arrivals =
      settings.others.utilisation > 0 ? new Arrivals(settings, seedOf(seed, "other clients")) : null;
    this.free = new Array<number>(settings.workers).fill(0);
    this.isCold = settings.coldStartMs > 0;
  }

  /** So long a job of the profile takes that begins then. */
  computeMs(ms: number, atMs: number): number {
    return ms * this.settings.scale * Math.exp(this.settings.noise * this.pace.at(atMs));
  }

  /**
   * What would become of a request that comes then.
   *
   * @param ms of the profile
   * @returns null where it would be refused
   */
  foresee(atMs: number, ms: number): Served | null {
    const twin = this.twin();
    twin.warm(atMs);
    twin.advance(atMs);
    if (twin.queueMs(atMs) > this.settings.maxQueueMs) return null;
    twin.waiting.push({ atMs, ms: this.computeMs(ms, atMs), own: true });
    return twin.serveOwn();
  }

  /** Takes a request. Times never go back from one to the next. */
  serve(atMs: number, ms: number): Served | null {
    this.warm(atMs);
    this.advance(atMs);
    const served = this.foresee(atMs, ms);
    if (served !== null) this.waiting.push({ atMs, ms: this.computeMs(ms, atMs), own: false });
    return served;
  }

  /** What the service tells: how long a request would wait that came then, by what waits already. */
  toldQueueMs(atMs: number): number {
    this.advance(atMs);
    return this.queueMs(atMs);
  }

  private queueMs(atMs: number): number {
    const free = [...this.free];
    let waiting = this.waiting;
    while (waiting.length > 0) {
      const worker = earliest(free);
      const { jobs, ms } = this.batchAt(waiting, free[worker]!);
      free[worker] = Math.max(free[worker]!, jobs[0]!.atMs) + ms;
      waiting = waiting.slice(jobs.length);
    }
    return Math.max(0, free[earliest(free)]! - atMs);
  }

  private warm(atMs: number): void {
    if (!this.isCold) return;
    this.isCold = false;
    this.free = this.free.map((ms) => Math.max(ms, atMs + this.settings.coldStartMs));
  }

  /** Up to a time: who has come by then waits or is served. */
  private advance(untilMs: number): void {
    while (this.step(untilMs) !== null);
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** Goes on until our own request is served. */
  private serveOwn(): Served {
    for (;;) {
      const begun = this.step(Number.POSITIVE_INFINITY)!;
      if (begun.own) return { startMs: begun.startMs, endMs: begun.endMs };
    }
  }

  /** The next arrival or beginning of a batch; null when there is none before that time. */
  private step(untilMs: number): (Served & { readonly own: boolean }) | null {
    const { waiting, free } = this;
    const arrival = this.arrivals?.at(this.came) ?? null;
    const worker = earliest(free);
    const startMs =
      waiting.length === 0 ? Number.POSITIVE_INFINITY : Math.max(free[worker]!, waiting[0]!.atMs);
    if (arrival !== null && arrival.atMs <= startMs && arrival.atMs <= untilMs) {
      this.came += 1;
      if (this.queueMs(arrival.atMs) <= this.settings.maxQueueMs) insert(waiting, arrival);
      return NOTHING;
    }
    if (startMs > untilMs || startMs === Number.POSITIVE_INFINITY) return null;
    const { jobs, ms } = this.batchAt(waiting, startMs);
    waiting.splice(0, jobs.length);
    free[worker] = startMs + ms;
    return { startMs, endMs: startMs + ms, own: jobs.some(({ own }) => own) };
  }

  /** Who runs together when a worker takes those who wait at that time, and for how long. */
  private batchAt(
    waiting: readonly Job[],
    startMs: number,
  ): { readonly jobs: readonly Job[]; readonly ms: number } {
    const { batching } = this.settings;
    const first = waiting[0]!;
    if (batching === null) return { jobs: [first], ms: first.ms };
    const beginMs = Math.max(startMs, first.atMs);
    const jobs = waiting.slice(0, batching.most).filter(({ atMs }) => atMs <= beginMs);
    const longest = Math.max(...jobs.map(({ ms }) => ms));
    const all = jobs.reduce((sum, { ms }) => sum + ms, 0);
    return { jobs, ms: longest + batching.share * (all - longest) };
  }

  private twin(): Cloud {
    const twin: Cloud = Object.create(Cloud.prototype);
    return Object.assign(twin, this, { free: [...this.free], waiting: [...this.waiting] });
  }
}

const NOTHING = { startMs: 0, endMs: 0, own: false } as const;

function earliest(free: readonly number[]): number {
  let best = 0;
  for (let at = 1; at < free.length; at++) if (free[at]! < free[best]!) best = at;
  return best;
}

/** Keeps those who wait in the order in which they came. */
function insert(waiting: Job[], job: Job): void {
  let place = waiting.length;
  while (place > 0 && waiting[place - 1]!.atMs > job.atMs) place -= 1;
  waiting.splice(place, 0, job);
}

/** Other clients' jobs, one after the other, as far as somebody has asked. */
class Arrivals {
  private readonly jobs: Job[] = [];
  private readonly random: Random;
  private readonly others: OtherClients;
  private readonly gapMs: number;

  constructor({ others, workers, batching }: CloudSettings, seed: number) {
    this.random = randomFrom(seed);
    this.others = others;
    // In batches of two on average a job takes less of a worker's time.
    const share = batching === null ? 1 : (1 + batching.share) / 2;
    this.gapMs = (share * others.jobMs) / (others.utilisation * workers);
  }

  at(index: number): Job {
    const { jobs, random, others } = this;
    while (jobs.length <= index) {
      const lastMs = jobs.at(-1)?.atMs ?? 0;
      const burst = others.bursts.find(({ fromMs, toMs }) => lastMs >= fromMs && lastMs < toMs);
      const gapMs = (this.gapMs * gammaGap(random, others.arrivalCv)) / (burst?.factor ?? 1);
      const ms = others.jobMs * Math.exp(JOB_SD * normal(random) - JOB_SD ** 2 / 2);
      jobs.push({ atMs: lastMs + gapMs, ms, own: false });
    }
    return jobs[index]!;
  }
}

/** Others ask for other exits and cuts too. */
const JOB_SD = 0.4;

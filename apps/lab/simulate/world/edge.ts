import { drawAt, seedOf } from "../chance/seeds.ts";
import { Series } from "../chance/series.ts";

export interface EdgeSettings {
  /** So many times as slow as the profiled device, cold and with nothing else to do. */
  readonly slowdown: number;
  /** Of its times, from one second to the next: standard deviation of the logarithm. */
  readonly noise: number;
  /** How it gets slower under load; null: never. */
  readonly throttling: Throttling | null;
  /** What the page does between stages, beside the model: its mean as a share of the stage before. */
  readonly otherShare: number;
  /** To decode and scale a photo. */
  readonly imageMs: number;
  /** While it computes it sees nothing else, replies neither: an engine in the worker's own thread. A GPU works beside it. */
  readonly blocks: boolean;
}

export interface Throttling {
  /** How many times as slow it is when hot, 1 or above. */
  readonly slowdown: number;
  /** Of unbroken work, after which it is hot; 0: it is from the beginning. */
  readonly onsetMs: number;
  /** Of rest, after which it is cold. */
  readonly coolDownMs: number;
}

/** Something the device did, or would do. */
export interface Run {
  readonly startMs: number;
  readonly endMs: number;
  /** When it looks at what has come, before its end. */
  readonly looksMs?: readonly number[];
}

/** What the device was like before a run. */
interface Before {
  readonly freeMs: number;
  readonly heat: number;
  readonly heatAtMs: number;
}

/**
 * A phone that runs one thing after the other. Its pace at any time follows from the seed and from how hot it is,
 * which follows from what it ran before: `foresee` says what `run` would do.
 */
export class Edge {
  readonly settings: EdgeSettings;
  private readonly pace: Series;
  private readonly seed: number;
  private freeMs = 0;
  /** 0 when cold, 1 when hot; true at `heatAtMs`, when nothing ran any more. */
  private heat = 0;
  private heatAtMs = 0;
  private workedMs = 0;
  /** Computing that has not ended when it was last asked, earliest first. */
  private computing: Run[] = [];
  private readonly before = new WeakMap<Run, Before>();

  constructor(settings: EdgeSettings, seed: number) {
    this.settings = settings;
    this.pace = new Series(seedOf(seed, "edge"), 1000, 0.9);
    this.seed = seedOf(seed, "page");
  }

  /** All that it has worked so far: what its battery pays for. */
  get busyMs(): number {
    return this.workedMs;
  }

  /** What `run` would do. @param ms of the profile */
  foresee(atMs: number, ms: number): Run {
    const startMs = Math.max(atMs, this.freeMs);
    return { startMs, endMs: startMs + ms * this.scaleAt(startMs) };
  }

  /**
   * Computes.
   *
   * @param parts of the profile's milliseconds, after each of which it looks at what has come; without them when all is done
   */
  run(atMs: number, ms: number, parts: readonly number[] = []): Run {
    const whole = this.foresee(atMs, ms);
    const run = parts.length === 0 ? whole : { ...whole, looksMs: looksOf(whole, ms, parts) };
    this.occupy(run);
    this.computing.push(run);
    return run;
  }

  /**
   * Takes back what of a run has not begun: all of it, or its parts after the one that is computed.
   *
   * @returns the work that is spared, in ms
   */
  cancel(run: Run, atMs: number): number {
    const stopMs = run.startMs > atMs ? run.startMs : partEndMs(run, atMs);
    if (stopMs >= run.endMs) return 0;
    const sparedMs = run.endMs - stopMs;
    this.workedMs -= sparedMs;
    this.computing = this.computing.filter((one) => one !== run);
    // What waits behind it has its place already.
    if (this.freeMs !== run.endMs) return sparedMs;
    Object.assign(this, this.before.get(run)!);
    if (stopMs === run.startMs) return sparedMs;
    const begun = { ...run, endMs: stopMs };
    this.workedMs -= stopMs - run.startMs;
    this.occupy(begun);
    this.computing.push(begun);
    return sparedMs;
  }

  /** When the page sees what comes at that time. Asked in the order of time. */
  seesMs(atMs: number): number {
    if (!this.settings.blocks) return atMs;
    this.computing = this.computing.filter(({ endMs }) => endMs > atMs);
    const running = this.computing.find(({ startMs }) => startMs <= atMs);
    return running === undefined ? atMs : partEndMs(running, atMs);
  }

  /** Decoding a photo: by the same device, but no part of the profile. */
  decode(atMs: number): Run {
    const run = this.foreseeDecode(atMs);
    this.occupy(run);
    return run;
  }

  foreseeDecode(atMs: number): Run {
    const startMs = Math.max(atMs, this.freeMs);
    const ms = this.settings.imageMs * Math.exp(this.settings.noise * this.pace.at(startMs));
    return { startMs, endMs: startMs + ms };
  }

  /** What the page takes for itself after a stage. @param key of the photo and the stage: whichever plan runs it */
  otherMs({ startMs, endMs }: Run, key: number): number {
    const exponential = -Math.log(1 - drawAt(this.seed, key));
    return this.settings.otherShare * (endMs - startMs) * exponential;
  }

  /** How many times as slow as the profile it is at some time, if nothing more runs until then. */
  scaleAt(ms: number): number {
    const { slowdown, noise, throttling } = this.settings;
    const hot = throttling === null ? 1 : 1 + (throttling.slowdown - 1) * this.heatAt(ms, throttling);
    return slowdown * hot * Math.exp(noise * this.pace.at(ms));
  }

  private heatAt(ms: number, { onsetMs, coolDownMs }: Throttling): number {
    if (onsetMs === 0) return 1;
    return Math.max(0, this.heat - (ms - this.heatAtMs) / coolDownMs);
  }

  private occupy(run: Run): void {
    const { startMs, endMs } = run;
    const { throttling } = this.settings;
    const { freeMs, heat, heatAtMs } = this;
    this.before.set(run, { freeMs, heat, heatAtMs });
    if (throttling !== null && throttling.onsetMs > 0) {
      this.heat = Math.min(1, this.heatAt(startMs, throttling) + (endMs - startMs) / throttling.onsetMs);
    }
    this.heatAtMs = endMs;
    this.freeMs = endMs;
    this.workedMs += endMs - startMs;
  }
}

function looksOf({ startMs, endMs }: Run, ms: number, parts: readonly number[]): readonly number[] {
  const scale = ms > 0 ? (endMs - startMs) / ms : 0;
  let lookMs = startMs;
  return parts.map((part) => {
    lookMs += scale * part;
    return lookMs;
  });
}

/** When the part ends that is computed at that time. */
function partEndMs({ endMs, looksMs = [] }: Run, atMs: number): number {
  return Math.min(endMs, looksMs.find((ms) => ms >= atMs) ?? endMs);
}

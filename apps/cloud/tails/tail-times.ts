/** What a run of n images takes: `fixedMs + n * perImageMs`. */
export interface BatchLine {
  readonly fixedMs: number;
  readonly perImageMs: number;
}

const NOTHING = { one: 0, n: 0, nn: 0, ms: 0, nms: 0, level: 0 };
/** Of an older run, when a newer one comes. */
const DECAY = 0.95;
/** Images of the two runs that the prior counts for. */
const PRIOR_AT = [1, 8] as const;
/** Of each of them; a run's is 1. */
const PRIOR_WEIGHT = 0.2;
/** A time that was learnt longer ago refuses nobody: machines and neighbours change. */
const STALE_MS = 10_000;
/** With so many runs, newer ones counting more, of sizes that vary so little, nothing has been learnt of batches. */
const SOME_RUNS = 8;
const LEAST_VARIANCE = 0.05;
/** Of the newest gap in the mean gap between arrivals, and of the newest run in the usual batch. */
const GAP_WEIGHT = 0.2;
const BATCH_WEIGHT = 0.1;

/**
 * How long the tails of one kind take (same model, version, cut and exits), and how often they come. A line over the
 * number of images is fitted to what ran by least squares, newer runs counting more; how fixed and variable part
 * divide is what the model's warm-up said, as far as runs of different sizes do not say better.
 */
export class TailTimes {
  private readonly prior: BatchLine;
  /** Weighted sums over the runs: of 1, n, n^2, ms, n * ms, and of ms over what the prior says. */
  private readonly sums = { ...NOTHING };
  private learntMs = Number.NEGATIVE_INFINITY;
  /** By whom all was run that was learnt; null where nothing was. */
  private learntOf: "engine" | "stand-in" | null = null;
  private arrivedMs = Number.NaN;
  private meanGapMs = Number.NaN;
  private meanImages = 1;
  private fitted: BatchLine;

  /** @param prior from the warm-up, scaled to this kind */
  constructor(prior: BatchLine) {
    this.prior = prior;
    this.fitted = prior;
  }

  get line(): BatchLine {
    return this.fitted;
  }

  expectMs(images: number): number {
    return at(this.fitted, images);
  }

  /**
   * Whether all that ran was as small as requests are: then nobody knows what a batch saves, but for the warm-up, which
   * may have been disturbed. A batch is to be tried now and then, or none would ever be.
   */
  get isUntried(): boolean {
    const { one, n, nn } = this.sums;
    return one >= SOME_RUNS && nn / one - (n / one) ** 2 < LEAST_VARIANCE;
  }

  /** What a request of so many images takes: together with what usually runs along with it. */
  usualMs(images: number): number {
    return this.expectMs(Math.max(images, this.meanImages));
  }

  /** What it adds to the work of a worker: its share of the usual batch. */
  shareMs(images: number): number {
    const together = Math.max(images, this.meanImages);
    return (images * this.expectMs(together)) / together;
  }

  /** Whether it ran lately: what is only guessed must not refuse a request. */
  isKnown(nowMs: number): boolean {
    return nowMs - this.learntMs <= STALE_MS;
  }

  /** @param isStandIn it was run by something slower, while what will run the next ones is being opened */
  learn(images: number, ms: number, nowMs: number, isStandIn = false): void {
    this.meanImages += BATCH_WEIGHT * (images - this.meanImages);
    const { sums } = this;
    if (isStandIn && this.learntOf === "engine") return;
    // What the stand-in took says nothing of who comes after it.
    if (!isStandIn && this.learntOf === "stand-in") Object.assign(sums, NOTHING);
    this.learntOf = isStandIn ? "stand-in" : "engine";
    this.learntMs = nowMs;
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] *= DECAY;
    sums.one += 1;
    sums.n += images;
    sums.nn += images * images;
    sums.ms += ms;
    sums.nms += images * ms;
    sums.level += ms / at(this.prior, images);
    this.fitted = this.fit();
  }

  arrive(nowMs: number): void {
    const gapMs = nowMs - this.arrivedMs;
    this.arrivedMs = nowMs;
    if (Number.isNaN(gapMs)) return;
    this.meanGapMs = Number.isNaN(this.meanGapMs)
      ? gapMs
      : this.meanGapMs + GAP_WEIGHT * (gapMs - this.meanGapMs);
  }

  /** Mean time between arrivals; infinite before the second, and as long as the present silence. */
  gapMs(nowMs: number): number {
    return Number.isNaN(this.meanGapMs)
      ? Number.POSITIVE_INFINITY
      : Math.max(this.meanGapMs, nowMs - this.arrivedMs);
  }

  private fit(): BatchLine {
    const level = this.sums.level / this.sums.one;
    let { one, n, nn, ms, nms } = this.sums;
    for (const images of PRIOR_AT) {
      const said = level * at(this.prior, images);
      one += PRIOR_WEIGHT;
      n += PRIOR_WEIGHT * images;
      nn += PRIOR_WEIGHT * images * images;
      ms += PRIOR_WEIGHT * said;
      nms += PRIOR_WEIGHT * images * said;
    }
    const slope = (one * nms - n * ms) / (one * nn - n * n);
    // A line through the mean that falls, or starts below zero, is noise.
    const perImageMs = Math.min(Math.max(slope, 0), ms / n);
    return { perImageMs, fixedMs: Math.max(0, (ms - perImageMs * n) / one) };
  }
}

function at({ fixedMs, perImageMs }: BatchLine, images: number): number {
  return fixedMs + images * perImageMs;
}

import type { Verdicts } from "../evaluate/temperature.ts";

/** What exits say of photos like those they learnt from, and of others; right is what the model's last exit says. */
export interface Known {
  /** By exit that is asked, earliest first. */
  readonly inside: readonly Verdicts[];
  readonly outside: readonly Verdicts[];
}

/** The chance that a promise about early answers inside does not hold, over all exits. */
const DELTA = 0.1;
/** Thresholds tried, of equal shares of the photos. */
const LEVELS = 200;

/**
 * The least threshold of each exit, asked one after the other, at which early answers may be relied on:
 *
 * - inside, at most `risk` of the early answers differ from the model's, with probability 1 - `DELTA` over the choice of
 *   these photos: thresholds are tested from the strictest on, each by the exact binomial bound, until one fails
 *   (fixed-sequence testing: Angelopoulos et al., "Learn then Test", arXiv:2110.01052);
 * - outside, at most `risk` of all photos are answered early and otherwise than by the model, in expectation (conformal
 *   risk control, arXiv:2208.02814).
 *
 * Exits share both, and what an exit answers is not asked of the next one.
 *
 * @param risk 0..1
 * @returns by exit 0..1; null where none is safe, so that it answers nothing early
 */
export function safeThresholds({ inside, outside }: Known, risk: number): readonly (number | null)[] {
  let here = inside[0]!.right.map((_, photo) => photo);
  let there = outside[0]!.right.map((_, photo) => photo);
  const share = inside.length;
  return inside.map((verdicts, exit) => {
    const others = outside[exit]!;
    const reliable = reliableFrom(pick(verdicts, here), risk, DELTA / share);
    const modest = modestFrom(pick(others, there), risk / share, others.right.length);
    if (reliable === null || modest === null) return null;
    const threshold = Math.ceil(Math.max(reliable, modest) * 1e4) / 1e4;
    if (threshold > 1) return null;
    here = here.filter((photo) => verdicts.confidence[photo]! < threshold);
    there = there.filter((photo) => others.confidence[photo]! < threshold);
    return threshold;
  });
}

/** The least threshold that every stricter one passes with. */
function reliableFrom({ confidence, right }: Verdicts, risk: number, delta: number): number | null {
  const order = Array.from(confidence.keys()).sort((a, b) => confidence[b]! - confidence[a]!);
  // Fewer right answers than these prove nothing.
  const least = Math.ceil(Math.log(delta) / Math.log(1 - risk));
  const step = Math.max(1, Math.floor(order.length / LEVELS));
  let best: number | null = null;
  let wrong = 0;
  let next = least;
  for (let count = 1; count <= order.length; count++) {
    const photo = order[count - 1]!;
    if (!right[photo]) wrong += 1;
    const isTie = count < order.length && confidence[order[count]!] === confidence[photo];
    if (count < next || isTie) continue;
    next = count + step;
    if (binomialTail(wrong, count, risk) > delta) break;
    best = confidence[photo]!;
  }
  return best;
}

/** Above the most confident of the wrong answers that may not be given. @param photos of all, those answered before too */
function modestFrom({ confidence, right }: Verdicts, risk: number, photos: number): number | null {
  const most = Math.floor(risk * (photos + 1)) - 1;
  if (most < 0) return null;
  const wrong = Array.from(confidence)
    .filter((_, photo) => !right[photo])
    .sort((a, b) => b - a);
  const first = wrong[most];
  return first === undefined ? 0 : first + 1e-4;
}

function pick({ confidence, right }: Verdicts, photos: readonly number[]): Verdicts {
  return {
    confidence: Float64Array.from(photos, (photo) => confidence[photo]!),
    right: photos.map((photo) => right[photo]!),
  };
}

/** The chance of at most so many of `count` draws, each with chance `p`. */
export function binomialTail(most: number, count: number, p: number): number {
  let term = count * Math.log1p(-p);
  let sum = Math.exp(term);
  for (let k = 1; k <= most; k++) {
    term += Math.log(((count - k + 1) / k) * (p / (1 - p)));
    sum += Math.exp(term);
  }
  return Math.min(1, sum);
}

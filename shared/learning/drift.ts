/**
 * Whether an exit still knows as much as its calibrated confidence says, on the images that come: whenever the cloud
 * answers an image that the exit was asked about, its answer is a free label for the exit's. Plain data.
 */
export interface Drift {
  /**
   * For each of `SHIFTS`: how much better it explains what the exit got right than no shift does, as the logarithm of
   * the likelihoods' ratio.
   */
  readonly evidence: readonly number[];
  /** Of late: images that both answered, on how many they agreed, on how many the exit's confidence expected it. */
  readonly count: number;
  readonly agreed: number;
  readonly expected: number;
  /** So much is taken off the exit's confidence, as a logit; 0 as long as nothing speaks against it. */
  readonly shift: number;
}

/** What of a confidence's logit may have to be taken off: 0.5 makes 90 % of 94, 4 makes 50 % of 98. */
const SHIFTS = [0.5, 1, 1.5, 2, 2.5, 3, 4, 5];
/** Older images count less and less: so many of them are remembered. */
const MEMORY = 200;
/**
 * The evidence for drift is a wager against the exit's confidence: while that is right, all it ever comes to is 100 times
 * the stake in one visit of a hundred (Ville's inequality; forgetting aside).
 */
const NOTICED = 100;
/** It is over when no more than the stake is left. */
const OVER = 1;
/** No exit is more certain than this, either way. */
const CERTAIN = 0.02;

export const NO_DRIFT: Drift = {
  evidence: SHIFTS.map(() => 0),
  count: 0,
  agreed: 0,
  expected: 0,
  shift: 0,
};

/**
 * After one more image that both the exit and the cloud have answered.
 *
 * @param confidence the exit's own, calibrated, 0..1; NaN tells nothing
 * @param agrees     whether the cloud gave the same class
 */
export function witnessed(before: Drift, confidence: number, agrees: boolean): Drift {
  if (Number.isNaN(confidence)) return before;
  const sure = Math.min(Math.max(confidence, CERTAIN), 1 - CERTAIN);
  const keep = 1 - 1 / MEMORY;
  const likelihood = (chance: number): number => Math.log(agrees ? chance : 1 - chance);
  const evidence = before.evidence.map(
    (sofar, at) => keep * sofar + likelihood(lowered(sure, SHIFTS[at]!)) - likelihood(sure),
  );
  const most = Math.max(...evidence);
  const ratios = evidence.map((one) => Math.exp(one - most));
  const total = ratios.reduce((sum, ratio) => sum + ratio, 0);
  const wager = most + Math.log(total / SHIFTS.length);
  const isNoticed = wager >= Math.log(before.shift > 0 ? OVER : NOTICED);
  const shift = ratios.reduce((sum, ratio, at) => sum + (ratio / total) * SHIFTS[at]!, 0);
  return {
    evidence,
    count: keep * before.count + 1,
    agreed: keep * before.agreed + Number(agrees),
    expected: keep * before.expected + confidence,
    shift: isNoticed ? shift : 0,
  };
}

/**
 * What an exit's confidence is worth on the images that come.
 *
 * @param confidence calibrated, 0..1, or NaN
 */
export function drifted(confidence: number, { shift }: Pick<Drift, "shift">): number {
  return shift === 0 ? confidence : lowered(confidence, shift);
}

function lowered(chance: number, shift: number): number {
  return chance / (chance + (1 - chance) * Math.exp(shift));
}

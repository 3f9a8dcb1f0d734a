import { randomFrom } from "#shared/random";

/** A number with the interval that 95 of 100 repetitions of its sampling would be in. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

const ROUNDS = 1000;

/**
 * The bootstrap of Efron: units are drawn with replacement as often as there are, and the statistic is taken anew.
 *
 * @param units what is independent of each other: sessions, not their photos
 */
export function bootstrap<Unit>(
  units: readonly Unit[],
  statistic: (units: readonly Unit[]) => number,
  seed = 1,
): Estimate {
  const value = statistic(units);
  const random = randomFrom(seed);
  const drawn = Array.from({ length: ROUNDS }, () =>
    statistic(units.map(() => units[Math.floor(random() * units.length)]!)),
  ).sort((a, b) => a - b);
  const at = (share: number): number => drawn[Math.round(share * (ROUNDS - 1))]!;
  return { value, low: at(0.025), high: at(0.975) };
}

import { type Random, randomFrom } from "#shared/random";
import { normal } from "./normal.ts";

/** A standard normal number for every step of time, correlated from step to step; the seed decides all of them. */
export class Series {
  private readonly values: number[] = [];
  private readonly random: Random;
  private readonly stepMs: number;
  private readonly correlation: number;

  /** @param correlation of two steps in a row, 0..1 */
  constructor(seed: number, stepMs: number, correlation: number) {
    this.random = randomFrom(seed);
    this.stepMs = stepMs;
    this.correlation = correlation;
  }

  /** @param ms 0 or above; all of a step have one value */
  at(ms: number): number {
    const { values, correlation } = this;
    const step = Math.floor(ms / this.stepMs);
    while (values.length <= step) {
      const fresh = normal(this.random);
      const before = values.at(-1);
      values.push(
        before === undefined ? fresh : correlation * before + Math.sqrt(1 - correlation ** 2) * fresh,
      );
    }
    return values[step]!;
  }
}

import type { Random } from "#shared/random";

/** A normal variate of two numbers drawn (Box and Muller), as the recipe says. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random()));
  return radius * Math.cos(2 * Math.PI * random());
}

/**
 * The normal distribution function, to about 1e-15: Marsaglia's series (Evaluating the Normal Distribution, Journal
 * of Statistical Software, 2004). The Optimizer's is faster and right to 7.5e-8, which the recipe's tails would show.
 */
export function normalShare(z: number): number {
  // Beyond that nothing is left of a double's precision.
  if (Math.abs(z) > 8) return z > 0 ? 1 : 0;
  let [sum, term, before] = [z, z, 0];
  for (let odd = 3; sum !== before; odd += 2) {
    before = sum;
    term *= (z * z) / odd;
    sum += term;
  }
  return 0.5 + sum * Math.exp((-z * z) / 2) * 0.3989422804014327;
}

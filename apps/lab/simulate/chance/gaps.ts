import type { Random } from "#shared/random";
import { normal } from "./normal.ts";

/**
 * A gap between two arrivals: of a gamma distribution of mean 1, by Marsaglia and Tsang (2000).
 *
 * @param cv coefficient of variation, above 0: 1 is Poisson, more comes in clusters
 */
export function gammaGap(random: Random, cv: number): number {
  const shape = 1 / cv ** 2;
  const isSmall = shape < 1;
  const d = (isSmall ? shape + 1 : shape) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  const boost = isSmall ? (1 - random()) ** (1 / shape) : 1;
  for (;;) {
    const z = normal(random);
    const v = (1 + c * z) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random()) < 0.5 * z * z + d - d * v + d * Math.log(v)) return (d * v * boost) / shape;
  }
}

import { IMAGE_CODECS, type ImageCodecName, isImageCodec } from "#shared/codecs";
import { TOLERANCE } from "#shared/evaluator";
import type { MeasuredCodecs } from "./codec-costs.ts";
import type { MeasuredCost } from "./tally.ts";

/**
 * The measured codecs with those qualities of image codecs alone that some exit wants: the lowest one at which it
 * loses less than the tolerance.
 *
 * Losses of neighbouring qualities differ by chance, some by a point: the lowest that passes as measured would be
 * the luckiest. More quality loses no more, so they are fitted in that order: by exit, over the qualities, the
 * never rising losses that come closest to those measured.
 */
export function chooseQualities(measured: MeasuredCodecs): MeasuredCodecs {
  return Object.fromEntries(
    Object.entries(measured).map(([name, costs]) => {
      const tensors = costs.filter(({ codec }) => !isImageCodec(codec));
      return [name, [...tensors, ...IMAGE_CODECS.flatMap((codec) => wantedOf(costs, codec))]];
    }),
  );
}

function wantedOf(costs: readonly MeasuredCost[], codec: ImageCodecName): readonly MeasuredCost[] {
  const own = costs.filter((cost) => cost.codec === codec).toSorted((a, b) => a.quality! - b.quality!);
  const plain = own.filter(({ deflate }) => !deflate);
  const exits = Object.keys(plain[0]?.loss ?? {});
  const fitted = exits.map((exit) => neverRising(plain.map(({ loss }) => loss[exit]!)));
  const wanted = fitted.flatMap((losses) => losses.findIndex((loss) => loss < TOLERANCE));
  return own.flatMap((cost): MeasuredCost[] => {
    const at = plain.findIndex(({ quality }) => quality === cost.quality);
    if (!wanted.includes(at)) return [];
    const loss = exits.map((exit, i) => [exit, Number(fitted[i]![at]!.toFixed(6))]);
    return [{ ...cost, loss: Object.fromEntries(loss) }];
  });
}

/**
 * Isotonic regression: the never rising values of least squared distance to those given. Neighbours that rise are
 * pooled into their mean (pool adjacent violators; Ayer et al. 1955).
 */
export function neverRising(values: readonly number[]): readonly number[] {
  const pools: { mean: number; count: number }[] = [];
  for (const value of values) {
    let pool = { mean: value, count: 1 };
    for (let last = pools.at(-1); last !== undefined && last.mean < pool.mean; last = pools.at(-1)) {
      pools.pop();
      const count = last.count + pool.count;
      pool = { mean: (last.mean * last.count + pool.mean * pool.count) / count, count };
    }
    pools.push(pool);
  }
  return pools.flatMap(({ mean, count }) => new Array<number>(count).fill(mean));
}

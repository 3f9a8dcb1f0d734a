import { TOLERANCE } from "#shared/evaluator";
import { type CodecCost, IMAGE_CODECS, isImageCodec } from "#shared/model";
import type { MeasuredCodecs } from "./codec-costs.ts";

/**
 * The measured codecs with those qualities alone that some exit wants: the lowest one at which it, and at all higher
 * ones that were tried, the exit loses less than the tolerance. An exit that loses more at every quality wants none.
 */
export function chooseQualities(measured: MeasuredCodecs): MeasuredCodecs {
  return Object.fromEntries(
    Object.entries(measured).map(([name, costs]) => {
      const wanted = new Set(IMAGE_CODECS.flatMap((codec) => wantedQualities(costs, codec)));
      return [
        name,
        costs.filter(({ codec, quality }) => !isImageCodec(codec) || wanted.has(`${codec} ${quality}`)),
      ];
    }),
  );
}

function wantedQualities(costs: readonly CodecCost[], codec: CodecCost["codec"]): readonly string[] {
  const tried = costs.filter((cost) => cost.codec === codec && !cost.deflate);
  const downwards = tried.toSorted((a, b) => b.quality! - a.quality!);
  return Object.keys(downwards[0]?.loss ?? {}).flatMap((exit) => {
    const bad = downwards.findIndex(({ loss }) => loss[exit]! >= TOLERANCE);
    const lowest = downwards[(bad < 0 ? downwards.length : bad) - 1];
    return lowest === undefined ? [] : [`${codec} ${lowest.quality}`];
  });
}

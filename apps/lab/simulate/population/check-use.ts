import {
  checkNumbers,
  checkQuantiles,
  checkWeights,
  type Field,
  idsOf,
  inside,
  numberOf,
  oneOf,
} from "./field.ts";
import type { ModeId } from "./population.ts";

/** By mode, what is drawn for it. */
const QUANTILES: Readonly<Record<ModeId, readonly string[]>> = {
  single: ["images", "thinkS"],
  burst: ["images", "gapS", "thinkS"],
  live: ["sessionS"],
};

/**
 * @returns the ids of the modes
 * @throws EddiError `bad-argument`
 */
export function checkUse(use: Field): readonly string[] {
  const modes = inside(use, "modes");
  const budgets = inside(use, "budgets");
  for (const mode of checkWeights(modes)) {
    const id = oneOf(inside(mode, "id"), Object.keys(QUANTILES)) as ModeId;
    for (const key of QUANTILES[id]) checkQuantiles(inside(mode, key));
    if (id === "live") {
      for (const fps of checkWeights(inside(mode, "fps"))) checkNumbers(fps, ["value"], { above: 0 });
    }
    for (const one of checkWeights(inside(budgets, id))) checkNumbers(one, ["budgetMs"], { above: 0 });
  }
  for (const floor of checkWeights(inside(use, "accuracyFloors"))) {
    checkNumbers(floor, ["lossPoints"], { most: 100 });
  }
  numberOf(inside(use, "liveFrameDecodeShareOfPhotoDecode"));
  const connection = inside(use, "connection");
  checkNumbers(connection, ["initialWindowBytes"], { above: 0 });
  checkNumbers(connection, ["slowStartAfterIdleS", "reconnectRtts"]);
  checkQuantiles(inside(connection, "reconnectAfterIdleS"));
  return idsOf(modes);
}

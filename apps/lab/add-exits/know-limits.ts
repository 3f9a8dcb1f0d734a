import type { ExitPolicy, Model } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import type { ExitScores } from "../evaluate/exit-scores.ts";
import { tryPolicy } from "../evaluate/policies.ts";
import { fitTemperature, type Verdicts, verdictsOf } from "../evaluate/temperature.ts";
import { agreement, halfOf, scoresAgainstLast, together } from "./agreement.ts";
import type { Outside } from "./outside.ts";
import { safeThresholds } from "./safe-thresholds.ts";

/** What added exits know and what they do not, all of it against the model's last exit. */
export interface Limits {
  /** By added exit, earliest first. */
  readonly exits: readonly ExitLimits[];
  /** Asks every exit that has a threshold; null when none has. */
  readonly policy: ExitPolicy | null;
  /** As the last exit names them. */
  readonly classes: { readonly reached: number; readonly all: number };
  readonly outside: readonly string[];
}

export interface ExitLimits {
  readonly id: string;
  /** Shares of photos on which it says what the model says, 0..1: like those it learnt from, and by other set. */
  readonly agreement: number;
  readonly outside: readonly number[];
  readonly temperature: number;
  /** From it on it answers early; null: never. */
  readonly threshold: number | null;
  /** On photos that the threshold was not chosen on, 0..1. */
  readonly early: EarlyShares;
  readonly earlyOutside: EarlyShares;
}

export interface EarlyShares {
  /** Answered early, of those that are asked. */
  readonly answered: number;
  /** Of these, answered otherwise than by the model. */
  readonly differ: number;
}

/**
 * Measures what the exits of a model say against its last one, and chooses thresholds on half of the photos and on half
 * of the others; what is told of early answers is measured on the other halves.
 *
 * @param inside like those that the exits learnt from, but not these
 * @param risk 0..1, see `safeThresholds`
 */
export async function knowLimits(
  segments: SegmentModel,
  inside: Photos,
  outside: readonly Outside[],
  learnt: Photos,
  risk: number,
): Promise<Limits> {
  const { model } = segments;
  const own = await scoresAgainstLast(segments, inside);
  const others: ExitScores[] = [];
  for (const { photos } of outside) others.push(await scoresAgainstLast(segments, photos));
  const all = together(others);
  const added = model.metadata.exits.slice(0, -1);
  const temperatures = added.map((_, exit) => Number(fitTemperature(halfOf(own, 0), exit).toFixed(4)));
  const verdicts = (scores: ExitScores): readonly Verdicts[] =>
    temperatures.map((temperature, exit) => verdictsOf(scores, exit, temperature));
  const chosenOn = { inside: verdicts(halfOf(own, 0)), outside: verdicts(halfOf(all, 0)) };
  const thresholds = safeThresholds(chosenOn, risk);
  const checked = { inside: halfOf(own, 1), outside: halfOf(all, 1) };
  const early = earlyShares(verdicts(checked.inside), thresholds);
  const earlyOutside = earlyShares(verdicts(checked.outside), thresholds);
  const shares = agreement(own);
  const sharesOf = others.map(agreement);
  return {
    exits: added.map(({ id }, exit) => ({
      id,
      agreement: shares[exit]!,
      outside: sharesOf.map((share) => share[exit]!),
      temperature: temperatures[exit]!,
      threshold: thresholds[exit]!,
      early: early[exit]!,
      earlyOutside: earlyOutside[exit]!,
    })),
    policy: policyOf(model, checked.inside, thresholds, temperatures),
    classes: {
      reached: new Set((await scoresAgainstLast(segments, learnt)).labels).size,
      all: model.metadata.labels.length,
    },
    outside: outside.map(({ name, photos }) => `${name} (${photos.count})`),
  };
}

function policyOf(
  model: Model,
  checked: ExitScores,
  thresholds: readonly (number | null)[],
  temperatures: readonly number[],
): ExitPolicy | null {
  const { exits } = model.metadata;
  const early = thresholds.flatMap((threshold, exit) =>
    threshold === null ? [] : [{ exit: exits[exit]!.id, threshold }],
  );
  if (early.length === 0) return null;
  const verdicts = exits.map((_, exit) => verdictsOf(checked, exit, temperatures[exit] ?? 1));
  return tryPolicy(model, verdicts, exits.at(-1)!.id, early).policy;
}

/** Each exit is asked of what those before it did not answer. */
function earlyShares(
  verdicts: readonly Verdicts[],
  thresholds: readonly (number | null)[],
): readonly EarlyShares[] {
  let asked = verdicts[0]!.right.map((_, photo) => photo);
  return verdicts.map(({ confidence, right }, exit) => {
    const threshold = thresholds[exit] ?? null;
    const isSure = (photo: number): boolean => threshold !== null && confidence[photo]! >= threshold;
    const answered = asked.filter(isSure);
    const differ = answered.filter((photo) => !right[photo]).length;
    const shares = {
      answered: asked.length === 0 ? 0 : answered.length / asked.length,
      differ: answered.length === 0 ? 0 : differ / answered.length,
    };
    asked = asked.filter((photo) => !isSure(photo));
    return shares;
  });
}

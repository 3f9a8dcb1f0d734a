import { isFittedCodec } from "#shared/codecs";
import type { CodecCost, FittedRate, FittedTensor, ModelMetadata } from "#shared/model";
import { neverRising } from "./choose-quality.ts";
import type { MeasuredCodecs } from "./codec-costs.ts";
import type { MeasuredCost } from "./tally.ts";

/** The metadata with what was measured: of codecs that were fitted to tensors beside their rates. */
export function withMeasured(metadata: ModelMetadata, measured: MeasuredCodecs): ModelMetadata {
  const codecs = Object.entries(measured).map(([name, costs]) => {
    const others = costs.filter(({ codec }) => !isFittedCodec(codec));
    return [name, others.map(({ spread: _, expectedLoss: __, ...cost }): CodecCost => cost)] as const;
  });
  const fitted = Object.entries(metadata.fitted ?? {}).map(([name, one]) => {
    return [name, withRates(one, measured[name] ?? [])] as const;
  });
  const rest = { ...metadata, codecs: Object.fromEntries(codecs) };
  return fitted.length === 0 ? rest : { ...rest, fitted: Object.fromEntries(fitted) };
}

/** Rates that were not measured stay as they were. */
function withRates(fitted: FittedTensor, measured: readonly MeasuredCost[]): FittedTensor {
  const costs = fitted.rates.map((_, at) =>
    measured.find(({ codec, quality, deflate }) => codec === fitted.codec && quality === at + 1 && !deflate),
  );
  if (!costs.every((cost) => cost !== undefined)) return fitted;
  const told = ratesOf(costs);
  return { ...fitted, rates: fitted.rates.map(({ step }, at) => ({ step, ...told[at]! })) };
}

/**
 * What rates are told to cost. As of image codecs, a finer one loses no more: neighbours differ by chance, so losses are
 * fitted to fall.
 *
 * @param costs by rate, coarsest first
 */
export function ratesOf(costs: readonly MeasuredCost[]): readonly Omit<FittedRate, "step">[] {
  const exits = Object.keys(costs[0]!.loss);
  const byExit = exits.map((exit) => neverRising(costs.map(({ loss }) => loss[exit]!)));
  return costs.map(({ bytes, spread, reported }, at) => {
    const loss = exits.map((exit, i) => [exit, Number(byExit[i]![at]!.toFixed(6))] as const);
    const rate = { bytes, spread, loss: Object.fromEntries(loss) };
    return reported === undefined ? rate : { ...rate, reported };
  });
}

import { isFittedCodec } from "#shared/codecs";
import type { CodecCost, FittedTensor, ModelMetadata } from "#shared/model";
import type { MeasuredCodecs } from "./codec-costs.ts";
import type { MeasuredCost } from "./tally.ts";

/** The metadata with what was measured: of codecs that were fitted to tensors beside their rates. */
export function withMeasured(metadata: ModelMetadata, measured: MeasuredCodecs): ModelMetadata {
  const codecs = Object.entries(measured).map(([name, costs]) => {
    const others = costs.filter(({ codec }) => !isFittedCodec(codec));
    return [name, others.map(({ spread: _, ...cost }): CodecCost => cost)] as const;
  });
  const fitted = Object.entries(metadata.fitted ?? {}).map(([name, one]) => {
    return [name, withRates(one, measured[name] ?? [])] as const;
  });
  const rest = { ...metadata, codecs: Object.fromEntries(codecs) };
  return fitted.length === 0 ? rest : { ...rest, fitted: Object.fromEntries(fitted) };
}

/** Rates that were not measured stay as they were. */
function withRates(fitted: FittedTensor, measured: readonly MeasuredCost[]): FittedTensor {
  const rates = fitted.rates.map((rate, at) => {
    const cost = measured.find(
      ({ codec, quality, deflate }) => codec === fitted.codec && quality === at + 1 && !deflate,
    );
    return cost === undefined ? rate : { ...rate, bytes: cost.bytes, spread: cost.spread, loss: cost.loss };
  });
  return { ...fitted, rates };
}

import { codedBytes, tensorCodec } from "#shared/codecs";
import {
  type Catalogue,
  type CodecCost,
  elementCount,
  type Model,
  type PlainCodecName,
  servedAs,
  servedCodecs,
  USUAL_CODEC,
  type WireCodec,
} from "#shared/model";
import { type ChosenCodec, isTolerated, type WireMode } from "./wire.ts";

/** The modes there are where the cloud is no service of ours: nothing is deflated, nor sent as a file. */
export const SERVED_MODES: readonly WireMode[] = ["plain", "exact"];

/**
 * The codec of each tensor where the cloud has but single tails, by node of the model: of those that it takes the one of
 * fewest bytes that costs the exit no more than the mode tolerates. What is not served takes infinitely many bytes: no
 * plan sends it.
 *
 * @param how a mode, or one codec for all tensors: what it is not taken in travels in what is
 */
export function chooseServed(
  model: Model,
  exit: string,
  catalogue: Catalogue,
  how: WireMode | WireCodec,
): readonly ChosenCodec[] {
  return model.nodes.map(({ name, tensor }) => {
    const elements = elementCount(tensor.shape);
    const served = servedCodecs(catalogue, exit, [name]);
    const measuredAs = (codec: PlainCodecName): CodecCost | undefined =>
      model.metadata.codecs?.[name]?.find(
        (one) => one.codec === codec && !one.deflate && one.loss[exit] !== undefined,
      );
    const costs = served.map((codec): ChosenCodec & { readonly codec: PlainCodecName } => {
      const bytes = catalogue.isBinary ? codedBytes(codec, elements) : textBytes(codec, elements);
      const { loss, reported = loss } = measuredAs(codec) ?? { loss: {} };
      return { codec, deflate: false, bytes, loss: reported[exit] ?? 0 };
    });
    if (costs.length === 0) return { ...USUAL_CODEC, bytes: Number.POSITIVE_INFINITY, loss: 0 };
    if (typeof how !== "string") return costs.find(({ codec }) => codec === servedAs(served, how))!;
    const fitting = costs.filter(({ codec }) => {
      const measured = measuredAs(codec);
      const isFitting = measured === undefined || isTolerated(measured, exit, how);
      return isFitting && (how !== "exact" || tensorCodec(codec).isExact);
    });
    if (fitting.length > 0) return least(fitting, ({ bytes }) => bytes);
    return least(costs, ({ loss }) => loss);
  });
}

function textBytes(codec: PlainCodecName, elements: number): number {
  return Math.ceil(elements * tensorCodec(codec).datatype.json!.characters);
}

function least(costs: readonly ChosenCodec[], value: (one: ChosenCodec) => number): ChosenCodec {
  return costs.reduce((best, one) => (value(one) < value(best) ? one : best));
}

import { isImageCodec } from "#shared/codecs";
import { type CodecCost, codecWords, type Model } from "#shared/model";
import { type LabelledRate, rateCurvesSvg } from "./rate-curve-svg.ts";

/** The picture beside a card, as `lab evaluate --codecs --write` draws it. */
export const CODEC_CURVES = "codec-rates.svg";

/**
 * What the codecs that were fitted to a model's tensors, or learned for them, tell in how many bytes: a line each, beside what
 * comes nearest without them. By the last exit, the worse of what it loses on the photos to choose on and to report on.
 *
 * @returns SVG; null for a model without such codecs
 */
export function codecCurves({ metadata, dag }: Model): string | null {
  const fitted = Object.entries(metadata.fitted ?? {});
  if (fitted.length === 0) return null;
  const last = metadata.exits.at(-1)!.id;
  const rated = (
    label: string,
    { bytes, loss, reported }: Pick<CodecCost, "bytes" | "loss" | "reported">,
  ) => {
    const lost = loss[last];
    return lost === undefined ? [] : [{ label, bytes, loss: Math.max(lost, reported?.[last] ?? lost) }];
  };
  const curves = fitted.map(([name, { rates, through }]) => {
    const kind = through === undefined ? "linear" : "learned";
    const points = rates.flatMap((rate, at) => rated(`${name}, ${kind} ${at + 1}`, rate));
    return { points, rates: points };
  });
  const costsOf = (name: string): readonly CodecCost[] => metadata.codecs?.[name] ?? [];
  const image = costsOf(dag.names[0]!)
    .filter(({ codec, deflate }) => isImageCodec(codec) && !deflate)
    .flatMap((cost) => rated(`image, ${codecWords(cost)}`, cost));
  const own = fitted.flatMap(([name]): readonly LabelledRate[] =>
    costsOf(name)
      .filter(({ codec, deflate }) => deflate && (codec === "uint4" || codec === "uint8"))
      .flatMap((cost) => rated(`${name}, ${codecWords(cost)}`, cost)),
  );
  const title = `${metadata.id}: bytes of its codecs against the points that ${last} loses`;
  return rateCurvesSvg({ title, curves, others: [...image, ...own] });
}

import { type CodecCost, codecWords, type FittedRate, type Model } from "#shared/model";
import type { TriedStep } from "./fit-codec.ts";
import type { StoredCodec } from "./store-codec.ts";

/** The card's section of a fitted codec: its rates, and what comes nearest without it. */
export function fittedSection(
  model: Model,
  name: string,
  { bytes, fitted }: StoredCodec,
  tried: readonly TriedStep[],
  photos: number,
): string {
  const exits = Object.keys(fitted.rates[0]!.loss);
  const rows = fitted.rates.map(
    (rate, at) =>
      `| linear ${at + 1} | ${size(rate)} | ${exits.map((exit) => points(rate.loss[exit]!)).join(" | ")} |`,
  );
  const others = [
    ...(model.metadata.codecs?.[name] ?? []).filter(({ codec }) => codec === "uint4" || codec === "uint8"),
    ...(model.metadata.codecs?.[model.dag.names[0]!] ?? []).filter(
      ({ codec, deflate }) => (codec === "jpeg" || codec === "webp") && !deflate,
    ),
  ].map(
    (cost) =>
      `| ${wordsOf(cost)} | ${cost.bytes} | ${exits.map((exit) => points(cost.loss[exit] ?? 0)).join(" | ")} |`,
  );
  const steps = tried.map(({ step, cost, loss }) => {
    return `| ${step.toFixed(3)} | ${cost.bytes} ± ${cost.spread} | ${exits.map((exit) => points(cost.loss[exit]!)).join(" | ")} | ${points(loss)} |`;
  });
  const blocks = fitted.block === 1 ? "positions" : `blocks of ${fitted.block}x${fitted.block} positions`;
  return `Fitted by \`lab fit-codec\`: the ${fitted.components} first principal components of ${blocks}, told in steps, by a
range coder with static tables; ${(bytes.length / 1000).toFixed(1)} kB of numbers. Bytes of the tensor alone, mean and standard
deviation, and top-1 that is lost in points, on ${photos} validation photos; below, the other codecs of this tensor and the image's:

| codec | bytes | ${exits.join(" | ")} |
|---|---|${exits.map(() => "---|").join("")}
${[...rows, ...others].join("\n")}

The steps that were tried on the training photos held back from training, with the most that an exit loses when losses
never rise with a finer step; by these the rates were chosen:

| step | bytes | ${exits.join(" | ")} | fitted |
|---|---|${exits.map(() => "---|").join("")}---|
${steps.join("\n")}`;
}

const size = ({ bytes, spread }: FittedRate): string => `${bytes} ± ${spread}`;
const points = (share: number): string => `${Number((100 * share).toFixed(2))}`;

/** The image's codecs are of another tensor: that is said. */
function wordsOf(cost: CodecCost): string {
  const isImage = cost.codec === "jpeg" || cost.codec === "webp";
  return isImage ? `image as ${codecWords(cost)}` : codecWords(cost);
}

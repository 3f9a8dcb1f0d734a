import { isImageCodec } from "#shared/codecs";
import { type CodecCost, codecWords, type FittedRate, type FittedTensor, type Model } from "#shared/model";
import { rateCurvesSvg } from "../draw/rate-curve-svg.ts";
import type { CodecPhotos } from "../evaluate/codec-section.ts";
import type { FittedLinear, TriedStep } from "./fit-codec.ts";
import type { StoredCodec } from "./store-codec.ts";

export const codecTitle = (name: string): string => `Codec of ${name}`;

/** The card's section of a fitted codec: its rates, and what comes nearest without it. */
export function fittedSection(
  model: Model,
  name: string,
  { bytes, fitted }: StoredCodec,
  { transform, tried }: FittedLinear,
  photos: CodecPhotos,
  nets: NetsWork | null = null,
): string {
  const exits = Object.keys(fitted.rates[0]!.loss);
  const cells = ({ loss, reported }: Losses): string =>
    exits
      .map((exit) => [loss, ...(reported ? [reported] : [])].map((one) => cell(one[exit])).join(" / "))
      .join(" | ");
  const rows = fitted.rates.map((rate, at) => `| ${rateName(fitted, at)} | ${size(rate)} | ${cells(rate)} |`);
  const others = otherCosts(model, name).map(
    (cost) => `| ${wordsOf(cost)} | ${cost.bytes} | ${cells(cost)} |`,
  );
  const steps = tried.map(({ step, cost, loss }) => {
    return `| ${step.toFixed(3)} | ${size(cost)} | ${cells(cost)} | ${points(loss)} |`;
  });
  const blocks = fitted.block === 1 ? "positions" : `blocks of ${fitted.block}x${fitted.block} positions`;
  const isRotated = transform.basis.some((part) => part !== 0 && part !== 1);
  const told = isRotated
    ? `the ${fitted.components} first principal components of ${blocks}`
    : `${fitted.components} channels, each by itself`;
  const made = nets === null ? `Fitted by \`lab fit-codec\`: ${told}` : trainedText(fitted, nets, told);
  return `${made}, told in steps, by a
range coder with static tables; ${(bytes.length / 1000).toFixed(1)} kB of numbers. Bytes of the tensor alone, mean and standard
deviation, and top-1 that is lost in points: on the ${photos.chosenOn} validation photos that plans choose by (fitted to fall with finer
rates) / reported on ${photos.reportedOn} others; below, the other codecs of this tensor and the image's:

| codec | bytes | ${exits.join(" | ")} |
|---|---|${exits.map(() => "---|").join("")}
${[...rows, ...others].join("\n")}

![Bytes against points lost](${curveFile(fitted)})

The steps that were tried on the training photos held back from training, with what was lost there, and the most that an exit is
expected to lose by its calibrated probabilities, fitted never to rise with a finer step; by these the rates were chosen:

| step | bytes | ${exits.join(" | ")} | expected |
|---|---|${exits.map(() => "---|").join("")}---|
${steps.join("\n")}`;
}

/** The rate-loss curve's file beside the card. */
export function curveFile({ shard }: FittedTensor): string {
  return shard.replace(/\.bin$/, ".svg");
}

/** The section as a picture: by the most that an exit loses. */
export function fittedCurve(
  model: Model,
  name: string,
  { fitted }: StoredCodec,
  tried: readonly TriedStep[],
): string {
  const exits = Object.keys(fitted.rates[0]!.loss);
  const most = (loss: CodecCost["loss"]): number => Math.max(...exits.map((exit) => loss[exit] ?? 0));
  const rates = fitted.rates.map(({ bytes, loss }, at) => ({
    label: rateName(fitted, at),
    bytes,
    loss: most(loss),
  }));
  return rateCurvesSvg({
    title: `${model.metadata.id}, ${name}: bytes against the most points that an exit loses`,
    curves: [{ points: tried.map(({ cost, loss }) => ({ bytes: cost.bytes, loss })), rates }],
    others: otherCosts(model, name)
      .filter(({ codec, deflate }) => deflate || isImageCodec(codec))
      .filter(({ loss }) => exits.every((exit) => loss[exit] !== undefined))
      .map((cost) => ({ label: wordsOf(cost), bytes: cost.bytes, loss: most(cost.loss) })),
  });
}

/** Multiply-adds of a learned codec's nets for one image. */
export interface NetsWork {
  readonly encoder: number;
  readonly decoder: number;
  /** What training said, for the card. */
  readonly trained: string;
}

function trainedText(
  { through }: FittedTensor,
  { encoder, decoder, trained }: NetsWork,
  told: string,
): string {
  return `Trained by \`lab train-codec\` (${trained}): an encoder of ${millions(encoder)} behind the
tensor, on the edge, and a decoder of ${millions(decoder)} in the cloud that gives \`${through!.replaces}\`; the model itself is as
it was. Of what the encoder gives, ${told}`;
}

const millions = (macs: number): string => `${Math.round(macs / 1e6)} million multiply-adds`;

function rateName({ through }: FittedTensor, at: number): string {
  return `${through === undefined ? "linear" : "learned"} ${at + 1}`;
}

/** What comes nearest without the codec: whole numbers of the tensor, and the image as a file. */
function otherCosts({ metadata, dag }: Model, name: string): readonly CodecCost[] {
  const own = metadata.codecs?.[name] ?? [];
  const image = metadata.codecs?.[dag.names[0]!] ?? [];
  return [
    ...own.filter(({ codec }) => codec === "uint4" || codec === "uint8"),
    ...image.filter(({ codec, deflate }) => isImageCodec(codec) && !deflate),
  ];
}

type Losses = Pick<CodecCost, "loss" | "reported">;
const cell = (loss: number | undefined): string => (loss === undefined ? "-" : points(loss));
const size = ({ bytes, spread }: Pick<FittedRate, "bytes" | "spread">): string => `${bytes} ± ${spread}`;
const points = (share: number): string => `${Number((100 * share).toFixed(2))}`;

/** The image's codecs are of another tensor: that is said. */
function wordsOf(cost: CodecCost): string {
  return isImageCodec(cost.codec) ? `image as ${codecWords(cost)}` : codecWords(cost);
}

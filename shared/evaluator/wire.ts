import { codedBytes, IMAGE_CODECS, type ImageCodecName, isFittedCodec, isImageCodec } from "#shared/codecs";
import {
  type CodecCost,
  elementCount,
  type FittedTensor,
  type Model,
  type Plan,
  sameCodec,
  USUAL_CODEC,
  USUAL_QUALITY,
  type WireCodec,
} from "#shared/model";

/**
 * A way to choose codecs: each tensor gets the one of fewest bytes that costs the exit no more top-1 than is
 * tolerated. Which way is best hangs on link and device, so each is an option of the Optimizer.
 *
 * - `plain`: nothing is deflated.
 * - `deflate`: all is.
 * - `exact`: as plain, but nothing may be lost.
 * - `raw`: as plain, but the image travels as pixels: on a fast link its encoding takes longer than it saves.
 * - `jpeg`: as plain, but the image travels as JPEG where plain makes it WebP, which takes longer.
 * - `fitted`: as plain, but a tensor that a codec was fitted to travels by it: fewer bytes, and more work.
 */
export type WireMode = "plain" | "deflate" | "exact" | "raw" | "jpeg" | "fitted";

/** One tensor alone, by a codec that loses more than is tolerated, see `lossyWays`. */
export type LossyMode = `lossy ${string}`;

/** How an exit's tensors travel. */
export interface Wire {
  /** `forced`: by one codec for all, whatever it costs. */
  readonly mode: WireMode | LossyMode | "forced";
  /** By node. */
  readonly codecs: readonly WireCodec[];
  /** By node: top-1 of the exit that is lost when its tensor travels so, 0..1; 0 where not measured. */
  readonly loss: readonly number[];
  /** Top-1 by which plans rank the exit lower when it is asked for so, 0..1; where it is absent losses are a tie. */
  readonly counted?: number;
}

/** A tensor's codec, with the bytes that its data then takes. */
export interface ChosenCodec extends WireCodec {
  readonly bytes: number;
  readonly loss: number;
}

/** So much top-1 may be lost for fewer bytes: half a point. */
export const TOLERANCE = 0.005;
/** What losses, differences of shares, may be off by rounding. */
const ROUNDING = 1e-9;

const TOLERATED: Readonly<Record<WireMode, number>> = {
  plain: TOLERANCE,
  deflate: TOLERANCE,
  exact: 0,
  raw: TOLERANCE,
  jpeg: TOLERANCE,
  fitted: TOLERANCE,
};

/** The modes there are for a model: without measurements `plain` alone, of 8 bits a value. */
export function wireModes({ metadata }: Model): readonly WireMode[] {
  const measured: readonly WireMode[] =
    metadata.codecs === undefined ? ["plain"] : ["plain", "deflate", "exact", "raw", "jpeg"];
  return metadata.fitted === undefined ? measured : [...measured, "fitted"];
}

/**
 * The codec of each tensor, by node of the model.
 *
 * @param exit        behind the tensors; one that it was not measured for travels as if nothing had been measured
 * @param imageCodecs those that the edge can encode
 */
export function chooseCodecs(
  model: Model,
  exit: string,
  mode: WireMode,
  imageCodecs: readonly ImageCodecName[] = IMAGE_CODECS,
): readonly ChosenCodec[] {
  const deflate = mode === "deflate";
  return model.nodes.map(({ name, tensor }, node) => {
    const measured = (model.metadata.codecs?.[name] ?? []).filter(
      (cost) =>
        cost.deflate === deflate &&
        (!isImageCodec(cost.codec) || (node === 0 && imageCodecs.includes(cost.codec))) &&
        isTolerated(cost, exit, mode),
    );
    const wanted = measured.filter(({ codec }) => {
      if (mode === "raw") return !isImageCodec(codec);
      return mode !== "jpeg" || node > 0 || codec === "jpeg";
    });
    const fitted = mode === "fitted" ? fittedCosts(model.metadata.fitted?.[name]) : [];
    const tolerated = fitted.filter((cost) => isTolerated(cost, exit, mode));
    if (tolerated.length > 0) return chosen(fewestBytes(tolerated), exit);
    const candidates = wanted.length > 0 ? wanted : measured;
    if (candidates.length > 0) return chosen(fewestBytes(candidates), exit);
    const bytes = codedBytes("uint8", elementCount(tensor.shape));
    return { ...USUAL_CODEC, deflate, bytes, loss: 0 };
  });
}

/**
 * By the losses on the photos to choose on. What then loses more than half a point on the others is not taken either, as
 * plans are ranked by what exits are worth without such codecs.
 */
export function isTolerated({ loss, reported = {} }: CodecCost, exit: string, mode: WireMode): boolean {
  const chosenOn = loss[exit] ?? Number.POSITIVE_INFINITY;
  return chosenOn <= TOLERATED[mode] + ROUNDING && (reported[exit] ?? 0) <= TOLERANCE + ROUNDING;
}

/** What the rates of a fitted codec cost. */
export function fittedCosts(fitted: FittedTensor | undefined): readonly CodecCost[] {
  if (fitted === undefined) return [];
  const { codec, rates } = fitted;
  return rates.map(({ step: _, spread: __, ...costs }, at) => ({
    codec,
    quality: at + 1,
    deflate: false,
    ...costs,
  }));
}

function fewestBytes(costs: readonly CodecCost[]): CodecCost {
  return costs.reduce((best, cost) => (cost.bytes < best.bytes ? cost : best));
}

/** Chosen by the losses on the photos to choose on, said to lose what the others tell. */
function chosen({ codec, quality, deflate, bytes, loss, reported }: CodecCost, exit: string): ChosenCodec {
  const how = quality === undefined ? { codec, deflate } : { codec, quality, deflate };
  return { ...how, bytes, loss: (reported ?? loss)[exit] ?? 0 };
}

/**
 * One codec for all tensors, by node of the model; an image codec for the image alone, a fitted one for those that have
 * one, the others then travel as usual.
 */
export function forceCodec(
  model: Model,
  exit: string,
  forced: WireCodec,
  imageCodecs: readonly ImageCodecName[] = IMAGE_CODECS,
  mayFit = true,
): readonly ChosenCodec[] {
  return model.nodes.map(({ name, tensor }, node) => {
    const how = forcedCodec(model, { node, exit }, forced, imageCodecs, mayFit);
    const costs = [...(model.metadata.codecs?.[name] ?? []), ...fittedCosts(model.metadata.fitted?.[name])];
    const measured = costs.find((cost) => sameCodec(cost, how));
    if (measured !== undefined) return chosen(measured, exit);
    const elements = elementCount(tensor.shape);
    const bytes =
      isImageCodec(how.codec) || isFittedCodec(how.codec)
        ? Math.ceil(elements / IMAGE_SHRINKS)
        : codedBytes(how.codec, elements);
    return { ...how, bytes, loss: 0 };
  });
}

/** About what an image codec makes of a photo's bytes where nobody has measured it. */
const IMAGE_SHRINKS = 10;

/**
 * What a forced codec means for one tensor on its way to an exit; a fitted one only where it leads there.
 *
 * @param mayFit whether the service decodes fitted codecs; without a quality their finest rate is meant
 */
export function forcedCodec(
  { metadata, nodes }: Model,
  { node, exit }: { readonly node: number; readonly exit: string },
  forced: WireCodec,
  imageCodecs: readonly ImageCodecName[] = IMAGE_CODECS,
  mayFit = true,
): WireCodec {
  const { codec, deflate } = forced;
  if (isFittedCodec(codec)) {
    const own = metadata.fitted?.[nodes[node]!.name]?.rates ?? [];
    const rates = mayFit && own.some(({ loss }) => loss[exit] !== undefined) ? own.length : 0;
    if (rates === 0) return { ...USUAL_CODEC, deflate };
    return { codec, quality: Math.min(rates, forced.quality ?? rates), deflate };
  }
  if (!isImageCodec(codec)) return { codec, deflate };
  if (node > 0 || !imageCodecs.includes(codec)) return { ...USUAL_CODEC, deflate };
  const measured = metadata.codecs?.[nodes[0]!.name]?.find((cost) => cost.codec === codec)?.quality;
  return { codec, quality: forced.quality ?? measured ?? USUAL_QUALITY, deflate };
}

/** What the costs of a plan look like, as far as its codecs are concerned. */
export interface Wired {
  readonly exit: string;
  readonly accuracy: number | null;
  readonly dag: { readonly names: readonly string[] };
  readonly wire?: Wire;
}

/**
 * The costs that a plan was made of: of its exit, and of its codecs where there are any; else the exit's first.
 */
export function costsOf<Costs extends Wired>(
  costs: readonly Costs[],
  { exit, codecs }: Plan,
): Costs | undefined {
  const own = costs.filter((candidate) => candidate.exit === exit);
  return own.find((candidate) => hasCodecs(candidate, codecs ?? {})) ?? own[0];
}

/** Whether these tensors travel so. */
export function hasCodecs({ dag, wire }: Wired, codecs: Readonly<Record<string, WireCodec>>): boolean {
  return Object.entries(codecs).every(([name, codec]) => {
    const own = wire?.codecs[dag.names.indexOf(name)];
    return own !== undefined && sameCodec(own, codec);
  });
}

/** Of a cut: what a plan says of its codecs; undefined where the costs know nothing of codecs. */
export function codecsOf({ dag, wire }: Wired, cut: readonly string[]): Plan["codecs"] {
  if (wire === undefined || cut.length === 0) return undefined;
  return Object.fromEntries(cut.map((name) => [name, wire.codecs[dag.names.indexOf(name)]!]));
}

/**
 * Top-1 that is lost over a cut: the sum over its tensors, each measured alone, of what was not gained by chance.
 *
 * @param crosses by node: whether its tensor does
 */
export function lossOver({ wire }: Wired, crosses: (node: number) => boolean): number {
  if (wire === undefined) return 0;
  return wire.loss.reduce((sum, loss, node) => sum + (crosses(node) ? Math.max(0, loss) : 0), 0);
}

/** Top-1 that is promised whichever tensor travels: the exit's, less what the coarsest codec costs it. */
export function promisedAccuracy({ accuracy, wire }: Wired, share = 1): number | null {
  if (accuracy === null || wire === undefined) return accuracy;
  return accuracy - share * Math.max(0, ...wire.loss);
}

/**
 * Whether a way is of use behind early exits, which answer here or have tensors sent: other ways to send the image are not,
 * nor where nothing may be lost. Of those that lose more than is tolerated fitted codecs alone.
 */
export function servesEarlyExits(wire: Wire | undefined): boolean {
  if (wire === undefined || FOR_EARLY_EXITS.includes(wire.mode)) return true;
  return wire.counted !== undefined && wire.codecs.some(({ codec }) => isFittedCodec(codec));
}

const FOR_EARLY_EXITS: readonly Wire["mode"][] = ["plain", "deflate", "fitted", "forced"];

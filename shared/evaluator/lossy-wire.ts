import { IMAGE_CODECS, type ImageCodecName, isImageCodec } from "#shared/codecs";
import { type CodecCost, codecWords, HEADER_BYTES, type Model, type WireCodec } from "#shared/model";
import { type ChosenCodec, chooseCodecs, fittedCosts, isTolerated, type LossyMode } from "./wire.ts";

/** A tensor that crosses alone, by a codec that loses more than is tolerated of some exit behind it. */
export interface LossyWay {
  readonly mode: LossyMode;
  /** Of the model. */
  readonly node: number;
  readonly codec: WireCodec;
  readonly bytes: number;
  /** By exit that it was measured for: top-1 that is lost, the worse of both halves of the photos. */
  readonly loss: ReadonlyMap<string, number>;
}

/**
 * What is worth its loss at times: of the image and of tensors that a codec was fitted to, the codecs that lose more than is
 * tolerated, but less than what takes no fewer bytes, and with which a request is shorter by a tenth at least. Plans count
 * what they lose. Whole numbers of other tensors are left out: what they save is little beside these.
 */
export function lossyWays(
  model: Model,
  imageCodecs: readonly ImageCodecName[] = IMAGE_CODECS,
  mayFit = true,
): readonly LossyWay[] {
  const { codecs = {}, fitted = {}, exits } = model.metadata;
  const toleratedBytes = (exit: string, node: number): number =>
    Math.min(...(["plain", "fitted"] as const).map((mode) => chosen(exit, mode)[node]!.bytes));
  const known = new Map<string, readonly ChosenCodec[]>();
  const chosen = (exit: string, mode: "plain" | "fitted"): readonly ChosenCodec[] => {
    const key = `${exit} ${mode}`;
    const found = known.get(key) ?? chooseCodecs(model, exit, mayFit ? mode : "plain", imageCodecs);
    known.set(key, found);
    return found;
  };
  return model.nodes.flatMap(({ name }, node) => {
    if (node > 0 && (fitted[name] === undefined || !mayFit)) return [];
    const costs = [...(codecs[name] ?? []), ...fittedCosts(fitted[name])];
    const usable = costs.filter(
      ({ codec, deflate }) => !deflate && (!isImageCodec(codec) || imageCodecs.includes(codec)),
    );
    const kept: LossyWay[] = [];
    for (const cost of usable.sort((a, b) => b.bytes - a.bytes)) {
      const loss = new Map(
        exits.flatMap(({ id }) => (cost.loss[id] === undefined ? [] : [[id, worseLoss(cost, id)]])),
      );
      const pays = [...loss].some(
        ([exit, lost]) =>
          lost <= MOST_LOST &&
          !isTolerated(cost, exit, "fitted") &&
          cost.bytes + REST < SHORTER * (toleratedBytes(exit, node) + REST),
      );
      if (!pays) continue;
      const { codec, quality, deflate, bytes } = cost;
      const how = quality === undefined ? { codec, deflate } : { codec, quality, deflate };
      kept.push({ mode: `lossy ${name} ${codecWords(how)}`, node, codec: how, bytes, loss });
    }
    return kept.filter((way, at) => !kept.slice(at + 1).some((other) => losesLess(other, way)));
  });
}

/** Of a request: all but its tensor. */
const REST = HEADER_BYTES.fetch.request;
const SHORTER = 0.9;
/** So much is never worth its bytes: exits before lose less. */
const MOST_LOST = 0.1;

const worseLoss = ({ loss, reported = {} }: CodecCost, exit: string): number =>
  Math.max(0, loss[exit]!, reported[exit] ?? 0);

const losesLess = (one: LossyWay, other: LossyWay): boolean =>
  [...other.loss].every(([exit, lost]) => (one.loss.get(exit) ?? Number.POSITIVE_INFINITY) <= lost);

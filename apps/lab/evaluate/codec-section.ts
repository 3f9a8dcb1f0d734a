import { anyCodec, type CodecName, isImageCodec, TENSOR_CODECS } from "#shared/codecs";
import { fittedCosts, TOLERANCE } from "#shared/evaluator";
import { ancestors, cutVertices, subgraph } from "#shared/graph";
import { type CodecCost, exitById, type Model } from "#shared/model";
import { nodeWork } from "#shared/profile";
import { CODEC_CURVES } from "../draw/codec-curves.ts";
import type { MeasuredCodecs } from "./codec-costs.ts";

export const CODECS_SECTION = "What each cut costs on the wire";
export const CHEAPER_SECTION = "What is cheaper than the image";

type Costs = Readonly<Record<string, readonly CodecCost[]>>;

/** How many photos codecs were measured on. */
export interface CodecPhotos {
  readonly chosenOn: number;
  readonly reportedOn: number;
}

/** The card's section of what `lab evaluate --codecs` measured, by the last exit: the image under its codecs, and every tensor. */
export function codecsSection(model: Model, measured: MeasuredCodecs, photos: CodecPhotos): string {
  const last = model.metadata.exits.at(-1)!.id;
  const [image] = model.dag.names;
  const shares = workBefore(model);
  const vertices = vertexNames(model);
  const tensors = model.dag.names.filter((name) => name !== image && measured[name] !== undefined);
  const rows = tensors
    .filter((name) => measured[name]![0]!.loss[last] !== undefined)
    .map((name) => {
      const cells = TENSOR_CODECS.map((codec) => cellOf(measured[name]!, codec, last));
      const mark = vertices.has(name) ? "" : " *";
      return `| ${name}${mark} | ${percent(shares.get(name)!)} | ${cells.join(" | ")} |`;
    });
  const images = measured[image!]!.filter(({ deflate }) => !deflate).map(
    (cost) =>
      `| ${nameOf(cost)} | ${cost.bytes} | ${deflatedOf(measured[image!]!, cost)} | ${lossesOf(cost, last).join(" | ")} |`,
  );
  return `Bytes of a tensor by codec, plain / deflated (means), and top-1 of ${last} that is lost when it alone travels so,
in points (\`lab evaluate --codecs\`). Codecs and qualities are chosen, here and by plans, on ${photos.chosenOn} validation
photos (a point is ${photos.chosenOn / 100}); what they lose is reported on ${photos.reportedOn} others that no choice saw, after the slash
or in the last column. The image as pixels (uint8), and as JPEG and WebP at the lowest qualities, of 20, 25 .. 90, at which some exit
loses less than ${100 * TOLERANCE} points, by losses that were fitted to fall with the quality:

| image | bytes | deflated | lost, chosen on | reported |
|---|---|---|---|---|
${images.join("\n")}

The tensors on the way to ${last}, with the share of its multiply-accumulates up to them; those with * cross only
together with others:

| tensor | MMACs | ${TENSOR_CODECS.join(" | ")} |
|---|---|${TENSOR_CODECS.map(() => "---|").join("")}
${rows.join("\n")}`;
}

/**
 * The card's section of what the metadata has, whoever measured it last: codecs that were fitted to tensors, and, once the
 * image's codecs were measured, what is cheaper than the image.
 */
export function cheaperSection(model: Model): string {
  const { codecs = {}, fitted = {} } = model.metadata;
  const names = new Set([...Object.keys(codecs), ...Object.keys(fitted)]);
  const costs = [...names].map((name) => {
    return [name, [...(codecs[name] ?? []), ...fittedCosts(fitted[name])]] as const;
  });
  const [image] = model.dag.names;
  const cheaper = codecs[image!] === undefined ? "" : cheaperThanImage(model, Object.fromEntries(costs));
  return `${fittedTable(model)}${cheaper}`;
}

/** Of codecs that were fitted to tensors: bytes with their standard deviation. */
function fittedTable({ metadata }: Model): string {
  const last = metadata.exits.at(-1)!.id;
  const rows = Object.entries(metadata.fitted ?? {}).flatMap(([name, fitted]) =>
    fittedCosts(fitted)
      .filter(({ loss }) => loss[last] !== undefined)
      .map((cost, at) => {
        const size = `${cost.bytes} ± ${fitted.rates[at]!.spread}`;
        return `| ${name} | ${nameOf(cost)} | ${size} | ${lossesOf(cost, last).join(" | ")} |`;
      }),
  );
  if (rows.length === 0) return "";
  return `Codecs that were fitted to a tensor (\`lab fit-codec\`), with the bytes' standard deviation, and top-1 of ${last} that is lost, in points:

| tensor | codec | bytes | lost, chosen on | reported |
|---|---|---|---|---|
${rows.join("\n")}

![Bytes against points lost](${CODEC_CURVES})

`;
}

/**
 * In a sentence: cuts of one tensor in the first half of the work that take fewer bytes than the JPEG; where no JPEG
 * is as good, than any that was measured.
 */
export function cheaperThanImage(model: Model, costs: Costs): string {
  const last = model.metadata.exits.at(-1)!.id;
  const [image] = model.dag.names;
  const asGood = `within ${100 * TOLERANCE} points of top-1`;
  const isGood = ({ loss }: CodecCost): boolean => (loss[last] ?? 1) < TOLERANCE;
  const jpegs = costs[image!]!.filter(({ codec }) => codec === "jpeg");
  const good = fewest(jpegs.filter(isGood));
  const jpeg = good ?? fewest(jpegs);
  const noJpeg = `No quality of JPEG keeps ${last} ${asGood}.`;
  if (jpeg === null) return noJpeg;
  const shares = workBefore(model);
  const found = [...vertexNames(model)].flatMap((name) => {
    if (name === image || shares.get(name)! >= 0.5 || costs[name] === undefined) return [];
    const best = fewest(costs[name].filter((cost) => isGood(cost) && !isImageCodec(cost.codec)));
    return best === null || best.bytes >= jpeg.bytes ? [] : [`${name} (${nameOf(best)}, ${best.bytes})`];
  });
  const against = `the image as ${nameOf(jpeg)} (${jpeg.bytes} bytes), ${good === null ? "and keep it" : "both"} ${asGood}`;
  const sentence =
    found.length === 0
      ? `No cut before the middle of the MMACs needs fewer bytes than ${against}.`
      : `Before the middle of the MMACs these cuts need fewer bytes than ${against}: ${found.join(", ")}.`;
  return good === null ? `${noJpeg} ${sentence}` : sentence;
}

function fewest(costs: readonly CodecCost[]): CodecCost | null {
  return costs.toSorted((a, b) => a.bytes - b.bytes)[0] ?? null;
}

/** By tensor: share of the last exit's multiply-accumulates that lie up to it. */
function workBefore(model: Model): ReadonlyMap<string, number> {
  const work = nodeWork(model).map(({ macs }) => macs);
  const macsTo = (node: number): number =>
    ancestors(model.dag, node).reduce((sum, needed, at) => sum + (needed ? work[at]! : 0), 0);
  const total = macsTo(lastNode(model));
  return new Map(model.dag.names.map((name, node) => [name, macsTo(node) / total]));
}

/** Tensors that cross alone on the way to the last exit. */
function vertexNames(model: Model): ReadonlySet<string> {
  const dag = subgraph(model.dag, ancestors(model.dag, lastNode(model)));
  return new Set(cutVertices(dag).map((vertex) => dag.names[vertex]!));
}

function lastNode({ metadata, dag }: Model): number {
  return dag.names.indexOf(exitById(metadata, metadata.exits.at(-1)!.id).node);
}

/** `4096 / 2210, 0.1 / 0.2` */
function cellOf(costs: readonly CodecCost[], codec: CodecName, exit: string): string {
  const plain = costs.find((cost) => cost.codec === codec && !cost.deflate);
  if (plain === undefined) return "-";
  const lost = anyCodec(codec).isExact ? "" : `, ${lossesOf(plain, exit).join(" / ")}`;
  return `${plain.bytes} / ${deflatedOf(costs, plain)}${lost}`;
}

function deflatedOf(costs: readonly CodecCost[], { codec, quality }: CodecCost): string {
  const found = costs.find((cost) => cost.codec === codec && cost.quality === quality && cost.deflate);
  return found === undefined ? "-" : `${found.bytes}`;
}

/** In points: where it was chosen, and as reported; exact codecs lose nothing on either. */
function lossesOf({ loss, reported = loss }: CodecCost, exit: string): readonly string[] {
  return [loss, reported].map((one) => `${Number((100 * one[exit]!).toFixed(2)) || 0}`);
}

function nameOf({ codec, quality, deflate }: CodecCost): string {
  return `${codec}${quality === undefined ? "" : ` ${quality}`}${deflate ? " + deflate" : ""}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

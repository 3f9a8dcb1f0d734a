import type { Tensor } from "@tensorflow/tfjs-core";
import { isFittedCodec } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { codecWords, type Exit, type WireCodec } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { Photos } from "../data/photos.ts";
import type { FolderCoders } from "../files/model-folder.ts";
import { codedBatch, exitsBehind, runAll, runBehind } from "./codec-costs.ts";
import { codedOnTheWay } from "./codec-way.ts";
import { type ExitScores, expectClasses, probabilityRows } from "./exit-scores.ts";
import { type CodedBatch, deflatedBytes, sizesOf } from "./tally.ts";

const BATCH = 25;

/** What the exits behind a tensor say when it travels under a codec. */
export interface CodedScores {
  readonly exits: readonly Exit[];
  /** In the order of these exits. */
  readonly scores: ExitScores;
  /** Of the tensor: mean over the photos, and standard deviation. */
  readonly bytes: number;
  readonly spread: number;
}

/**
 * Runs all photos up to a tensor, codes it, and runs what lies behind it on what was decoded.
 *
 * @throws EddiError `bad-argument` for a model without classes, a tensor that no exit lies behind, or a codec that
 *   cannot hold its values
 */
export async function codedScores(
  segments: SegmentModel,
  photos: Photos,
  cut: string,
  codec: WireCodec,
  coders: FolderCoders = new Map(),
): Promise<CodedScores> {
  const { model } = segments;
  const { labels, exits: all, tensors } = model.metadata;
  expectClasses(model.metadata);
  const own = coders.get(cut) ?? [];
  const way = isFittedCodec(codec.codec) ? (model.detours.get(cut) ?? null) : null;
  const behind = Object.hasOwn(tensors, cut) ? exitsBehind(model, way?.replaces ?? cut) : [];
  if (behind.length === 0) {
    const known = model.dag.names.filter((_, node) => model.dag.successors[node]!.length > 0).join(", ");
    throw new EddiError("bad-argument", `--cut: expected one of ${known}, got ${cut}`);
  }
  const exits = all.filter(({ id }) => behind.includes(id));
  const scores = exits.map(() => new Float32Array(photos.count * labels.length));
  const bytes: number[] = [];
  for (let start = 0; start < photos.count; start += BATCH) {
    const count = Math.min(BATCH, photos.count - start);
    const held = await runAll(segments, photos, start, count);
    try {
      const values = (await held.get(cut)!.data()) as Float32Array;
      const coded =
        way === null
          ? await codedBatch(model, cut, values, count, codec, own)
          : await codedAt(codedOnTheWay(segments, way, values, count, own), codec);
      if (coded === null) {
        const came = `others in ${cut}`;
        throw new EddiError(
          "bad-argument",
          `--codec ${codecWords(codec)}: expected values it can hold, got ${came}`,
        );
      }
      const sizes = coded.data.map((data) => (codec.deflate ? deflatedBytes(data) : data.byteLength));
      bytes.push(...(await Promise.all(sizes)));
      const outputs =
        coded.values === null ? held : await runBehind(segments, way?.replaces ?? cut, coded.values, held);
      for (const [at, exit] of exits.entries()) {
        const given = (await outputs.get(exit.node)!.data()) as Float32Array;
        scores[at]!.set(probabilityRows(given, exit, labels.length), start * labels.length);
      }
      if (outputs !== held) freeAll(outputs);
    } finally {
      freeAll(held);
    }
  }
  return { exits, scores: { classes: labels.length, labels: photos.labels, scores }, ...sizesOf(bytes) };
}

/** Of the rates that of the codec's quality; null where there is none. */
async function codedAt(
  rates: AsyncGenerator<CodedBatch>,
  { quality }: WireCodec,
): Promise<CodedBatch | null> {
  for await (const coded of rates) if (coded.quality === quality) return coded;
  return null;
}

function freeAll(tensors: ReadonlyMap<string, Tensor>): void {
  for (const one of tensors.values()) one.dispose();
}

import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { anyCodec, type CodecName } from "#shared/codecs";
import { type CodecCost, topClass } from "#shared/model";
import type { Labels } from "../data/photos.ts";

/** The same tensor of several photos under one codec. */
export interface CodedBatch {
  readonly codec: CodecName;
  readonly quality?: number;
  /** By photo: what a request carries. */
  readonly data: readonly Uint8Array[];
  /** Decoded, float32 [photos, ...]; null for what has lost nothing. */
  readonly values: Float32Array | null;
}

/** What was measured of a tensor under a codec. */
export interface MeasuredCost extends CodecCost {
  /** Standard deviation of the bytes over the photos. */
  readonly spread: number;
  /**
   * By exit: the share of right answers that is lost, by the calibrated probabilities of what it says of the tensors as they
   * are. It needs no labels, and counts a photo that is as likely one class as another for nothing whichever of them is
   * said: of few photos it tells more than `loss`.
   */
  readonly expectedLoss: Readonly<Record<string, number>>;
}

/** Deflated bytes hardly differ from photo to photo, and take long: of so many one is deflated. */
const DEFLATE_EVERY = 4;

const deflated = promisify(deflate);

/** Bytes of a body that is deflated alone, on another thread. */
export async function deflatedBytes(data: Uint8Array): Promise<number> {
  return (await deflated(data)).byteLength;
}

/** What was counted of one tensor under one codec. */
interface Count {
  readonly codec: CodecName;
  readonly quality?: number;
  readonly bytes: number[];
  readonly deflatedBytes: number[];
  /** By exit: photos that are right. */
  readonly right: Map<string, number>;
  /** By exit: the probabilities that were lost, added up. */
  readonly lost: Map<string, number>;
}

/** Counts bytes and right answers, batch by batch. */
export class Tally {
  private readonly exits: readonly string[];
  private readonly counts = new Map<string, Map<string, Count>>();
  /** By exit: photos that are right with every tensor as it is. */
  private readonly exactly = new Map<string, number>();
  /** By exit: what it says of the batch under way with every tensor as it is. */
  private readonly said = new Map<string, Float32Array>();
  private photos = 0;

  /** @param exits earliest first */
  constructor(exits: readonly string[]) {
    this.exits = exits;
  }

  /**
   * Of every exit, before it is told of the same photos' coded tensors.
   *
   * @param said calibrated probabilities, float32 [photos, classes]
   */
  exact(exit: string, said: Float32Array, labels: Labels): void {
    if (exit === this.exits[0]) this.photos += labels.length;
    this.said.set(exit, said);
    this.exactly.set(
      exit,
      (this.exactly.get(exit) ?? 0) + rightOnes(topClasses(said, labels.length), labels),
    );
  }

  /** @param scores float32 [photos, classes] */
  coded(tensor: string, batch: CodedBatch, exit: string, scores: Float32Array, labels: Labels): void {
    const { right, lost } = this.countOf(tensor, batch);
    const said = this.said.get(exit)!;
    const [now, before] = [topClasses(scores, labels.length), topClasses(said, labels.length)];
    right.set(exit, (right.get(exit) ?? 0) + rightOnes(now, labels));
    const classes = said.length / labels.length;
    const losses = now.map(
      (top, photo) => said[photo * classes + before[photo]!]! - said[photo * classes + top]!,
    );
    lost.set(
      exit,
      losses.reduce((sum, one) => sum + one, lost.get(exit) ?? 0),
    );
  }

  async bytes(tensor: string, batch: CodedBatch): Promise<void> {
    const count = this.countOf(tensor, batch);
    count.bytes.push(...batch.data.map(({ byteLength }) => byteLength));
    const some = batch.data.filter((_, at) => at % DEFLATE_EVERY === 0);
    count.deflatedBytes.push(...(await Promise.all(some.map(deflatedBytes))));
  }

  /** @param behind exits that the tensor leads to */
  costs(tensor: string, behind: readonly string[]): readonly MeasuredCost[] {
    // A codec that could not code every photo is none for this tensor.
    const whole = [...this.counts.get(tensor)!.values()].filter(({ bytes }) => bytes.length === this.photos);
    return whole.flatMap((count): MeasuredCost[] => {
      const { codec, quality } = count;
      const { isExact } = anyCodec(codec);
      const byExit = (lost: (exit: string) => number): Readonly<Record<string, number>> =>
        Object.fromEntries(
          behind.map((exit) => [exit, isExact ? 0 : Number((lost(exit) / this.photos).toFixed(6))]),
        );
      const loss = byExit((exit) => this.exactly.get(exit)! - count.right.get(exit)!);
      const expectedLoss = byExit((exit) => count.lost.get(exit)!);
      const how = quality === undefined ? { codec } : { codec, quality };
      return [
        { ...how, deflate: false, ...sizesOf(count.bytes), loss, expectedLoss },
        { ...how, deflate: true, ...sizesOf(count.deflatedBytes), loss, expectedLoss },
      ];
    });
  }

  private countOf(tensor: string, { codec, quality }: CodedBatch): Count {
    const own = this.counts.get(tensor) ?? new Map<string, Count>();
    this.counts.set(tensor, own);
    const key = `${codec} ${quality}`;
    const how = quality === undefined ? { codec } : { codec, quality };
    const found = own.get(key) ?? {
      ...how,
      bytes: [],
      deflatedBytes: [],
      right: new Map<string, number>(),
      lost: new Map<string, number>(),
    };
    own.set(key, found);
    return found;
  }
}

/** Mean and standard deviation, in whole bytes. */
export function sizesOf(bytes: readonly number[]): Pick<MeasuredCost, "bytes" | "spread"> {
  const mean = bytes.reduce((sum, size) => sum + size, 0) / bytes.length;
  const variance = bytes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / bytes.length;
  return { bytes: Math.round(mean), spread: Math.round(Math.sqrt(variance)) };
}

/** By photo. */
function topClasses(scores: Float32Array, photos: number): readonly number[] {
  const classes = scores.length / photos;
  return Array.from({ length: photos }, (_, photo) =>
    topClass(scores.subarray(photo * classes, (photo + 1) * classes)),
  );
}

/** @param top class by photo */
function rightOnes(top: readonly number[], labels: Labels): number {
  return top.filter((label, photo) => label === labels[photo]).length;
}

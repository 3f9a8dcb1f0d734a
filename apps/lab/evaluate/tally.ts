import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { anyCodec, type CodecName } from "#shared/codecs";
import type { CodecCost } from "#shared/model";
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
}

/** Counts bytes and right answers, batch by batch. */
export class Tally {
  private readonly exits: readonly string[];
  private readonly counts = new Map<string, Map<string, Count>>();
  /** By exit: photos that are right with every tensor as it is. */
  private readonly exactly = new Map<string, number>();
  private photos = 0;

  /** @param exits earliest first */
  constructor(exits: readonly string[]) {
    this.exits = exits;
  }

  /** @param scores float32 [photos, classes] */
  exact(exit: string, scores: Float32Array, labels: Labels): void {
    if (exit === this.exits[0]) this.photos += labels.length;
    this.exactly.set(exit, (this.exactly.get(exit) ?? 0) + rightOnes(scores, labels));
  }

  coded(tensor: string, batch: CodedBatch, exit: string, scores: Float32Array, labels: Labels): void {
    const { right } = this.countOf(tensor, batch);
    right.set(exit, (right.get(exit) ?? 0) + rightOnes(scores, labels));
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
      const loss = Object.fromEntries(
        behind.map((exit) => {
          const right = anyCodec(codec).isExact ? this.exactly.get(exit)! : count.right.get(exit)!;
          return [exit, Number(((this.exactly.get(exit)! - right) / this.photos).toFixed(6))];
        }),
      );
      const how = quality === undefined ? { codec } : { codec, quality };
      return [
        { ...how, deflate: false, ...sizesOf(count.bytes), loss },
        { ...how, deflate: true, ...sizesOf(count.deflatedBytes), loss },
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

/** @param scores float32 [photos, classes] */
function rightOnes(scores: Float32Array, labels: Labels): number {
  const classes = scores.length / labels.length;
  let right = 0;
  for (let photo = 0; photo < labels.length; photo++) {
    const row = scores.subarray(photo * classes, (photo + 1) * classes);
    const best = row.indexOf(row.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY));
    if (best === labels[photo]) right++;
  }
  return right;
}

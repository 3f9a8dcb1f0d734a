import { tensor } from "@tensorflow/tfjs-core";
import type { LinearCoder } from "#shared/codecs";
import type { Detour, Segment } from "#shared/model";
import type { SegmentModel } from "#shared/runtime";
import type { CodedBatch } from "./tally.ts";

/** The way of a learned codec: what its encoder makes of the tensor is coded, what its decoder gives is a later tensor. */
export type CodecWay = Pick<Detour, "replaces" | "encoder" | "decoder">;

/**
 * A batch of the tensor that a way starts from, by each rate: the values are those of the later tensor.
 *
 * @param values float32 [count, ...]
 */
export async function* codedOnTheWay(
  segments: SegmentModel,
  { encoder, decoder }: CodecWay,
  values: Float32Array,
  count: number,
  coders: readonly LinearCoder[],
): AsyncGenerator<CodedBatch> {
  const latents = await runOne(segments, encoder, values, count);
  for (const [rate, coder] of coders.entries()) {
    const { data, values: decoded } = codedBy(coder, latents, count);
    const later = await runOne(segments, decoder, decoded, count);
    yield { codec: "linear", quality: rate + 1, data, values: later };
  }
}

/**
 * Streams of some photos' values, and what they are decoded to.
 *
 * @param values float32 [count, ...]
 */
export function codedBy(
  coder: LinearCoder,
  values: Float32Array,
  count: number,
): { readonly data: readonly Uint8Array[]; readonly values: Float32Array } {
  const each = values.length / count;
  const decoded = new Float32Array(values.length);
  const data = Array.from({ length: count }, (_, at) => {
    const stream = coder.encode(values.subarray(at * each, (at + 1) * each));
    coder.decode(stream, decoded.subarray(at * each, (at + 1) * each));
    return stream;
  });
  return { data, values: decoded };
}

/** A segment of one feed and one output. */
async function runOne(
  segments: SegmentModel,
  segment: Segment,
  values: Float32Array,
  count: number,
): Promise<Float32Array> {
  const { shape } = segments.model.metadata.tensors[segment.feeds[0]!]!;
  const fed = tensor(values, [count, ...shape]);
  const [output] = segments.run(segment, [fed]);
  fed.dispose();
  const given = (await output!.data()) as Float32Array;
  output!.dispose();
  return given;
}

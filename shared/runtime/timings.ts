import { add, dispose, scalar, slice, type Tensor, tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { elementCount, type Segment } from "#shared/model";
import type { SegmentRunner, TensorValues } from "./segment-model.ts";

/** A clock, in milliseconds. */
export type Clock = () => number;

/**
 * Times a segment as edge and service run it: from values that are fed to values that were read back.
 *
 * @returns milliseconds of one of so many runs
 */
export async function timeWhole(
  segments: SegmentRunner,
  segment: Segment,
  runs: number,
  now: Clock,
): Promise<number> {
  const feeds = feedsOf(segments, segment);
  await segments.prepare(segment);
  const start = now();
  for (let i = 0; i < runs; i++) await segments.runValues(segment, feeds);
  return (now() - start) / runs;
}

/** The same with the feeds on the backend before the clock starts, until the backend has the outputs. */
export async function timeInside(
  segments: SegmentRunner,
  segment: Segment,
  runs: number,
  now: Clock,
): Promise<number> {
  const feeds = feedsOf(segments, segment).map(({ values, shape }) => tensor(values, [...shape]));
  try {
    await segments.prepare(segment);
    for (const feed of feeds) await finished(feed);
    const start = now();
    for (let i = 0; i < runs; i++) {
      const outputs = await segments.run(segment, feeds);
      for (const output of outputs) await finished(output);
      dispose(outputs);
    }
    return (now() - start) / runs;
  } finally {
    dispose(feeds);
  }
}

/**
 * Times reading back tensors that the active backend has just computed: what was fed would come from the CPU,
 * and what was read before from a copy. The clock starts when the backend has come to rest.
 *
 * @returns milliseconds of one
 */
export async function timeReadBack(elements: number, count: number, now: Clock): Promise<number> {
  const fed = tensor1d(valuesOf(elements));
  const one = scalar(1);
  const computed = Array.from({ length: count }, () => add(fed, one));
  try {
    for (const tensor of computed) await finished(tensor);
    const start = now();
    for (const tensor of computed) await tensor.data();
    return (now() - start) / count;
  } finally {
    for (const tensor of [fed, one, ...computed]) tensor.dispose();
  }
}

/**
 * Times uploading tensors, each until the backend has used it: some backends upload on first use. The use
 * itself is timed too, on a tensor that is there already, and taken off.
 *
 * @returns milliseconds of one
 */
export async function timeUpload(elements: number, count: number, now: Clock): Promise<number> {
  const values = valuesOf(elements);
  const there = tensor1d(values);
  try {
    await finished(there);
    const start = now();
    for (let i = 0; i < count; i++) {
      const fed = tensor1d(values);
      await finished(fed);
      fed.dispose();
    }
    const middle = now();
    for (let i = 0; i < count; i++) await finished(there);
    return Math.max(0, middle - start - (now() - middle)) / count;
  } finally {
    there.dispose();
  }
}

/** Settles when the backend has all of a tensor: something computed from it has been read. */
async function finished(value: Tensor): Promise<void> {
  const { shape } = value;
  const first = tidy(() =>
    slice(
      value,
      shape.map(() => 0),
      shape.map(() => 1),
    ),
  );
  try {
    await first.data();
  } finally {
    first.dispose();
  }
}

function feedsOf({ model }: SegmentRunner, { feeds }: Segment): readonly TensorValues[] {
  return feeds.map((name) => {
    const shape = [1, ...model.metadata.tensors[name]!.shape];
    return { shape, values: valuesOf(elementCount(shape)) };
  });
}

/** As harmless as an image's, and always the same. */
function valuesOf(elements: number): Float32Array {
  const values = new Float32Array(elements);
  for (let i = 0; i < elements; i++) values[i] = (i % 255) / 255;
  return values;
}

import { elementCount } from "#shared/model";
import { joinElements, splitElements, type WireTensor } from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";

/**
 * The tensors of some of a job's images.
 *
 * @param tensors of one batch, [images, ...]
 * @param from    the first of these images
 * @returns the tensors themselves where all images are meant; else copies, since buffers are handed to workers
 * @throws EddiError `bad-tensor` where the lengths in a BYTES tensor do not fit
 */
export function someImages(
  tensors: readonly WireTensor[],
  from: number,
  images: number,
): readonly WireTensor[] {
  return tensors.map((tensor) => {
    const [batch = 0, ...each] = tensor.shape;
    if (images === batch) return tensor;
    return { ...tensor, shape: [images, ...each], data: someData(tensor, batch, from, images) };
  });
}

function someData(
  { name, datatype, data }: WireTensor,
  batch: number,
  from: number,
  images: number,
): Uint8Array {
  if (datatype === "BYTES") return joinElements(splitElements(name, data, batch).slice(from, from + images));
  const eachBytes = data.byteLength / batch;
  return data.slice(from * eachBytes, (from + images) * eachBytes);
}

/** One tensor of all images, in their order. */
export function joinImages(parts: readonly TensorValues[]): TensorValues {
  if (parts.length === 1) return parts[0]!;
  const images = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.values.length, 0));
  let at = 0;
  for (const part of parts) {
    values.set(part.values, at);
    at += part.values.length;
  }
  return { shape: [images, ...parts[0]!.shape.slice(1)], values };
}

/** A copy of some images' values. */
export function sliceImages({ shape, values }: TensorValues, from: number, images: number): TensorValues {
  const each = elementCount(shape.slice(1));
  return { shape: [images, ...shape.slice(1)], values: values.slice(from * each, (from + images) * each) };
}

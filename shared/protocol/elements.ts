import { EddiError } from "#shared/errors";

/** Bytes before each element of a BYTES tensor: its length, little-endian. */
const LENGTH_BYTES = 4;

/** The data of a BYTES tensor: every element with its length before it. */
export function joinElements(elements: readonly Uint8Array[]): Uint8Array {
  const data = new Uint8Array(elements.reduce((sum, { byteLength }) => sum + LENGTH_BYTES + byteLength, 0));
  const view = new DataView(data.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.byteLength, true);
    data.set(element, at + LENGTH_BYTES);
    at += LENGTH_BYTES + element.byteLength;
  }
  return data;
}

/**
 * The elements of a BYTES tensor, as views of its data.
 *
 * @param count what the tensor's shape says
 * @throws EddiError `bad-tensor` when lengths and data do not fit
 */
export function splitElements(name: string, data: Uint8Array, count: number): readonly Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (elements.length < count && at + LENGTH_BYTES <= data.byteLength) {
    const length = view.getUint32(at, true);
    at += LENGTH_BYTES;
    if (at + length > data.byteLength) {
      const came = `${data.byteLength - at} left`;
      throw new EddiError(
        "bad-tensor",
        `${name}: expected ${length} bytes of element ${elements.length}, got ${came}`,
      );
    }
    elements.push(data.subarray(at, at + length));
    at += length;
  }
  if (elements.length === count && at === data.byteLength) return elements;
  const came = `${elements.length} and ${data.byteLength - at} bytes more`;
  throw new EddiError("bad-tensor", `${name}: expected ${count} elements with their lengths, got ${came}`);
}

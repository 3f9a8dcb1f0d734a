const scratch = new DataView(new ArrayBuffer(4));

/**
 * IEEE 754 half precision, rounded to nearest, ties to even.
 *
 * @returns one uint16 of bits per value; infinity for what exceeds 65504
 */
export function float16Bits(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, toBits);
}

function toBits(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127;
  const fraction = bits & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  // Below 2^-14 half precision is fixed point with steps of 2^-24.
  if (exponent < -14) return exponent < -25 ? sign : sign | roundShift(fraction | 0x800000, -1 - exponent);
  // A carry out of the fraction raises the exponent, up to infinity: the layout makes that right.
  const half = ((exponent + 15) << 10) + roundShift(fraction, 13);
  return sign | Math.min(half, 0x7c00);
}

function roundShift(value: number, places: number): number {
  const kept = value >>> places;
  const rest = value & ((1 << places) - 1);
  const middle = 1 << (places - 1);
  return rest > middle || (rest === middle && (kept & 1) === 1) ? kept + 1 : kept;
}

/** Hexadecimal digits of a version that fit a signed 64-bit integer. */
const DIGITS = 15;

/**
 * A version as a decimal number. Triton's tools take versions for 64-bit integers and end on anything else, so
 * statistics tell this one, and paths take it too.
 *
 * @param version 16 hexadecimal digits, of which the last is left out
 */
export function versionNumber(version: string): string {
  return BigInt(`0x${version.slice(0, DIGITS)}`).toString();
}

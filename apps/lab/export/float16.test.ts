import { expect, test } from "vitest";
import { float16Bits } from "./float16.ts";

/** The value of half-precision bits, straight from the standard. */
function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test("every half-precision number keeps its bits", () => {
  const all = Array.from({ length: 65_536 }, (_, bits) => bits).filter((bits) => !Number.isNaN(decode(bits)));
  expect([...float16Bits(Float32Array.from(all, decode))]).toEqual(all);
});

test("what lies between two goes to the nearer, a tie to the even one", () => {
  for (let bits = 0; bits < 0x7bff; bits += 7) {
    const [below, above] = [decode(bits), decode(bits + 1)];
    const at = (share: number): number =>
      float16Bits(Float32Array.of(below + share * (above - below)))[0] ?? -1;
    expect(at(0.49), `above ${below}`).toBe(bits);
    expect(at(0.51), `above ${below}`).toBe(bits + 1);
    expect(at(0.5), `above ${below}`).toBe(bits + (bits & 1));
  }
});

test("the limits: too large is infinite, too small is zero, not a number stays so", () => {
  const values = Float32Array.of(65_519, 65_520, -1e30, 1e-30, 2 ** -25, 2 ** -25 * 1.001, Number.NaN);
  const [...decoded] = Array.from(float16Bits(values), decode);
  const infinite = Number.POSITIVE_INFINITY;
  expect(decoded).toEqual([65_504, infinite, -infinite, 0, 0, 2 ** -24, Number.NaN]);
});

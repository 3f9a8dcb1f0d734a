import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { randomFrom } from "#shared/random";
import { blockPlaces, type LinearRate, type LinearTransform, linearCoder } from "./linear.ts";
import { symbolTable, TOTAL } from "./range-coder.ts";

const SHAPE = [6, 4, 3];
const RANGE = [-2, 3] as const;
const SIZE = 12;
const KEPT = 5;

/** The first cosines of blocks of 2x2 positions. */
const transform: LinearTransform = {
  shape: SHAPE,
  block: 2,
  mean: Float32Array.from({ length: SIZE }, (_, i) => i / 40),
  basis: Float32Array.from({ length: KEPT * SIZE }, (_, at) => {
    const [k, i] = [Math.floor(at / SIZE), at % SIZE];
    return Math.sqrt((k === 0 ? 1 : 2) / SIZE) * Math.cos((Math.PI * (i + 0.5) * k) / SIZE);
  }),
};

/** Numbers of -3 to 3, peaked as those of components are. */
const peaked = symbolTable([64, 256, 700, TOTAL - 2040, 700, 256, 64]);
const rateOf = (step: number): LinearRate => ({
  step,
  first: new Int16Array(KEPT).fill(-3),
  tables: Array(KEPT).fill(peaked),
});
const coder = linearCoder(transform, rateOf(0.5), RANGE);
const count = 6 * 4 * 3;

const drawn = (seed: number): Float32Array => {
  const random = randomFrom(seed);
  return Float32Array.from({ length: count }, () => 0.14 + 0.6 * (random() + random() - 1));
};
const decoded = (stream: Uint8Array, by = coder): Float32Array => {
  const values = new Float32Array(count);
  by.decode(stream, values);
  return values;
};

test("blocks are rows of positions with their channels, and hold every value once", () => {
  const places = blockPlaces(transform);
  expect([...places.subarray(0, 12)]).toEqual([0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17]);
  expect([...places.subarray(12, 15)]).toEqual([6, 7, 8]);
  expect([...places].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
  expect([...blockPlaces({ shape: [4], block: 1 })]).toEqual([0, 1, 2, 3]);
});

test("what lies along the directions comes back within half a step of each, what does not is the mean", () => {
  for (let seed = 0; seed < 100; seed++) {
    const values = drawn(seed);
    const back = decoded(coder.encode(values));
    const places = blockPlaces(transform);
    for (let block = 0; block < count / SIZE; block++) {
      const difference = Array.from({ length: SIZE }, (_, i) => {
        const place = places[block * SIZE + i]!;
        return values[place]! - back[place]!;
      });
      for (let k = 0; k < KEPT; k++) {
        const off = difference.reduce((sum, one, i) => sum + one * transform.basis[k * SIZE + i]!, 0);
        expect(Math.abs(off), `seed ${seed}`).toBeLessThanOrEqual(0.25 + 1e-6);
      }
    }
  }
});

test("what lies beyond the tables is cut off at their ends, and no decoded value lies outside the range", () => {
  const far = Float32Array.from({ length: count }, (_, at) => (at % 2 === 0 ? 1e6 : -1e6));
  const back = decoded(coder.encode(far));
  expect(back.every((value) => value >= RANGE[0] && value <= RANGE[1])).toBe(true);
});

test("the same stream gives the same values, bit by bit, and coded values are coded the same again", () => {
  const stream = coder.encode(drawn(3));
  expect(decoded(stream)).toEqual(decoded(stream.slice()));
  expect(coder.encode(decoded(stream))).toEqual(stream);
});

test("10,000 damaged streams are refused, or are values within the range", () => {
  let refused = 0;
  const other = linearCoder(
    transform,
    { ...rateOf(1), tables: Array(KEPT).fill(symbolTable([1024, 2048, 1024])) },
    RANGE,
  );
  const smaller = linearCoder({ ...transform, shape: [2, 4, 3] }, rateOf(0.5), RANGE);
  for (let seed = 0; seed < 10_000; seed++) {
    const random = randomFrom(seed);
    const stream = coder.encode(drawn(seed % 50));
    const at = Math.floor(random() * stream.length);
    const damaged = [
      () => stream.with(at, stream[at]! ^ (1 << Math.floor(random() * 8))),
      () => stream.slice(0, at),
      () => Uint8Array.from([...stream, ...stream.slice(at)]),
      () => stream.map(() => (seed % 2 === 0 ? 0 : 255)),
      () => stream.map(() => Math.floor(random() * 256)),
      () => other.encode(drawn(seed)),
      () => smaller.encode(drawn(seed)),
    ][seed % 7]!();
    try {
      const values = decoded(damaged);
      if (!values.every((value) => value >= RANGE[0] && value <= RANGE[1])) expect.fail(`seed ${seed}`);
    } catch (thrown) {
      if (!(thrown instanceof EddiError) || thrown.code !== "bad-tensor") throw thrown;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(9_900);
});

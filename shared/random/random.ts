/** Numbers in [0, 1), uniform. */
export type Random = () => number;

/**
 * Always the same numbers for the same seed: mulberry32, as the recipe of the simulated population writes it down too.
 *
 * It needs nothing from outside, so that its source can be handed to a page.
 *
 * @param seed of it the lower 32 bits count
 */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A stream of numbers that depends on its key alone: training asks for the stream of (seed, epoch, photo), so that a
 * resumed run needs no saved generator state. The models were trained with these numbers: another mixing, and their
 * cards' seeds would lead to other weights.
 */
export function randomFor(...key: readonly number[]): Random {
  let state = 0x9e3779b9;
  for (const part of key) state = mix(state ^ mix(part + 0x6d2b79f5));
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return (mix(state) >>> 0) / 2 ** 32;
  };
}

/** 0..count-1 in random order (Fisher-Yates). */
export function shuffled(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, at) => at);
  for (let last = count - 1; last > 0; last--) {
    const at = Math.floor(random() * (last + 1));
    [order[last], order[at]] = [order[at]!, order[last]!];
  }
  return order;
}

/** The finaliser of MurmurHash3. */
function mix(value: number): number {
  let t = value | 0;
  t = Math.imul(t ^ (t >>> 16), 0x85ebca6b);
  t = Math.imul(t ^ (t >>> 13), 0xc2b2ae35);
  return t ^ (t >>> 16);
}

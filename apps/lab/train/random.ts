/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/**
 * A stream of numbers that depends on its key alone: training asks for the stream of (seed, epoch,
 * photo), so that a resumed run needs no saved generator state.
 *
 * Mulberry32 over a hash of the key.
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
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const held = order[i] as number;
    order[i] = order[j] as number;
    order[j] = held;
  }
  return order;
}

function mix(value: number): number {
  let t = value | 0;
  t = Math.imul(t ^ (t >>> 16), 0x85ebca6b);
  t = Math.imul(t ^ (t >>> 13), 0xc2b2ae35);
  return t ^ (t >>> 16);
}

import { randomFrom } from "#shared/random";

/** A seed of its own for everything that is named. */
export function seedOf(seed: number, name: string): number {
  let mixed = seed >>> 0;
  for (let at = 0; at < name.length; at++) mixed = mix(mixed, name.charCodeAt(at));
  return mixed;
}

/**
 * A uniform number in [0, 1) that hangs on a seed and a key alone: whoever asks, in whatever order, gets the same.
 *
 * @param key a whole number
 */
export function drawAt(seed: number, key: number): number {
  return randomFrom(mix(seed, key))();
}

/** The finaliser of MurmurHash3. */
function mix(seed: number, key: number): number {
  let mixed = (Math.imul(seed, 0x9e3779b1) ^ key) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

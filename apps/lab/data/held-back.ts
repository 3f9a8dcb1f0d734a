import type { Labels, Photos } from "./photos.ts";

/** One training photo in so many is held back from training: 5 %. */
const HELD_BACK_EVERY = 20;

/**
 * Parts the training photos: those to train on, and those held back for everything that is fitted after
 * training (temperatures, thresholds, joint statistics of the exits), so that the validation photos serve for
 * the reported figures alone. The same photos on every machine, spread evenly over the classes.
 *
 * @param photos the whole training split, class by class
 */
export function holdBack(photos: Photos): { readonly kept: Photos; readonly heldBack: Photos } {
  const isHeldBack = (photo: number): boolean => photo % HELD_BACK_EVERY === HELD_BACK_EVERY - 1;
  return {
    kept: pick(photos, (photo) => !isHeldBack(photo)),
    heldBack: pick(photos, isHeldBack),
  };
}

/** At most so many of the photos, spread evenly over all. */
export function thinned(photos: Photos, most: number): Photos {
  if (photos.count <= most) return photos;
  const before = (photo: number): number => Math.floor((photo * most) / photos.count);
  return pick(photos, (photo) => before(photo + 1) > before(photo));
}

/** Those of the photos, in their order. */
export function pick(photos: Photos, wanted: (photo: number) => boolean): Photos {
  const picked = Array.from({ length: photos.count }, (_, photo) => photo).filter(wanted);
  const each = photos.size * photos.size * 3;
  const pixels = new Uint8Array(picked.length * each);
  picked.forEach((photo, at) => {
    pixels.set(photos.pixels.subarray(photo * each, (photo + 1) * each), at * each);
  });
  const labels: Labels = photos.labels.slice(0, picked.length);
  picked.forEach((photo, at) => {
    labels[at] = photos.labels[photo]!;
  });
  return { count: picked.length, size: photos.size, pixels, labels };
}

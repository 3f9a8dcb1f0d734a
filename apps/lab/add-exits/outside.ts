import { type Random, randomFor } from "#shared/random";
import { cifar10 } from "../data/cifar10.ts";
import { cacheDir, type Env, findOfficial } from "../data/find-data.ts";
import { thinned } from "../data/held-back.ts";
import { openUnlabelled } from "../data/open-unlabelled.ts";
import type { Photos } from "../data/photos.ts";
import { loadSplit } from "../data/pixels.ts";
import type { StatusLine } from "../terminal/status-line.ts";

/** Pictures of what an exit was not trained on. */
export interface Outside {
  readonly name: string;
  readonly photos: Photos;
}

const MOST_PHOTOS = 1000;
const MADE = 200;
const MOST_SHAPES = 12;

/**
 * Photos of other classes, of the folder that is named or else CIFAR-10's where it is found, and made ones: drawings of
 * flat shapes, and noise.
 *
 * @param place as `--validation` names it
 * @throws EddiError as `openUnlabelled`
 */
export async function outsidePhotos(
  place: string | undefined,
  env: Env,
  seed: number,
  status: StatusLine,
): Promise<readonly Outside[]> {
  const loading = { cacheDir: cacheDir(env), status };
  const made = [
    { name: "drawings", photos: makePhotos(seed, 96, draw) },
    { name: "noise", photos: makePhotos(seed + 1, 96, noise) },
  ];
  if (place !== undefined) {
    const set = await openUnlabelled({ dataOption: place, env, own: null }, status);
    const split = set.splits.validation.files.length > 0 ? "validation" : "train";
    return [{ name: place, photos: thinned(await loadSplit(set, split, loading), MOST_PHOTOS) }, ...made];
  }
  const own = await findOfficial(cifar10, env.EDDI_DATA ?? cacheDir(env), cacheDir(env));
  if (own === null) return made;
  return [
    { name: "CIFAR-10", photos: thinned(await loadSplit(own, "validation", loading), MOST_PHOTOS) },
    ...made,
  ];
}

function makePhotos(seed: number, size: number, paint: (pixels: Uint8Array, random: Random) => void): Photos {
  const each = size * size * 3;
  const pixels = new Uint8Array(MADE * each);
  for (let photo = 0; photo < MADE; photo++) {
    paint(pixels.subarray(photo * each, (photo + 1) * each), randomFor(seed, photo));
  }
  return { count: MADE, size, pixels, labels: new Uint8Array(MADE) };
}

function noise(pixels: Uint8Array, random: Random): void {
  for (let at = 0; at < pixels.length; at++) pixels[at] = 256 * random();
}

/** Boxes and discs of flat colours, one over the other. */
function draw(pixels: Uint8Array, random: Random): void {
  const size = Math.sqrt(pixels.length / 3);
  const fill = (isIn: (x: number, y: number) => boolean): void => {
    const [red, green, blue] = [256 * random(), 256 * random(), 256 * random()];
    for (let at = 0; at < size * size; at++) {
      if (!isIn(at % size, Math.floor(at / size))) continue;
      pixels[3 * at] = red;
      pixels[3 * at + 1] = green;
      pixels[3 * at + 2] = blue;
    }
  };
  fill(() => true);
  for (let shapes = 1 + Math.floor(MOST_SHAPES * random()); shapes > 0; shapes--) {
    const [x0, y0] = [size * random(), size * random()];
    const [width, height] = [1 + (size / 2) * random(), 1 + (size / 2) * random()];
    const isDisc = random() < 0.5;
    fill((x, y) => {
      const [dx, dy] = [(x - x0) / width, (y - y0) / height];
      return isDisc ? dx * dx + dy * dy < 1 : Math.max(Math.abs(dx), Math.abs(dy)) < 1;
    });
  }
}

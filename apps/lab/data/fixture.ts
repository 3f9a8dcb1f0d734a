import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { IMAGENETTE_CLASSES } from "./imagenette.ts";
import type { Photos } from "./pixels.ts";

/** A folder for one test file; `remove` it at the end. */
export async function temporaryFolder(): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(path.join(tmpdir(), "eddi-lab-"));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Imagenette's layout with small plain photos, one colour per class; oblong ones among them. */
export async function writeMiniImagenette(folder: string, perClass: number): Promise<void> {
  for (const split of ["train", "val"]) {
    for (const [label, { wnid }] of IMAGENETTE_CLASSES.entries()) {
      await mkdir(path.join(folder, split, wnid), { recursive: true });
      for (let i = 0; i < perClass; i++) {
        const create = { width: 160 + 20 * i, height: 160, channels: 3, background: colour(label) } as const;
        await sharp({ create })
          .jpeg()
          .toFile(path.join(folder, split, wnid, `${wnid}_${i}.JPEG`));
      }
    }
  }
}

/** Decoded photos without files: a class is a colour with a little of the photo's own. */
export function miniPhotos(count: number, size: number): Photos {
  const labels = Uint8Array.from({ length: count }, (_, i) => i % IMAGENETTE_CLASSES.length);
  const pixels = new Uint8Array(count * size * size * 3);
  labels.forEach((label, photo) => {
    const { r, g, b } = colour(label);
    for (let at = 0; at < size * size; at++) {
      pixels.set([r, g, (b + photo + at) % 256], (photo * size * size + at) * 3);
    }
  });
  return { count, size, pixels, labels };
}

const colour = (label: number) => ({ r: 25 * label, g: 255 - 25 * label, b: (label * 83) % 256 });

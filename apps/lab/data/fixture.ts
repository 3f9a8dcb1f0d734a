import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import type { StatusLine } from "../terminal/status-line.ts";
import { IMAGENETTE_CLASSES } from "./imagenette.ts";
import type { Photos } from "./photos.ts";

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

/**
 * Small photos for classes of one's own, each of another grey or colour.
 *
 * @param wanted how many by class folder and first letters of the names: `{ "cat/a": 2 }` makes cat/a00.jpg, a01.jpg
 */
export async function writeImages(folder: string, wanted: Readonly<Record<string, number>>): Promise<void> {
  for (const [at, [prefix, count]] of Object.entries(wanted).entries()) {
    await mkdir(path.dirname(path.join(folder, prefix)), { recursive: true });
    for (let i = 0; i < count; i++) {
      const background = colour(at + i);
      await sharp({ create: { width: 8 + i, height: 8, channels: 3, background } })
        .jpeg()
        .toFile(path.join(folder, `${prefix}${String(i).padStart(2, "0")}.jpg`));
    }
  }
}

/** CIFAR-10's binary layout with images whose three planes differ; `perBatch` records each. */
export async function writeMiniCifar10(folder: string, perBatch: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = [...[1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`), "test_batch.bin"];
  for (const [batch, name] of names.entries()) {
    const records = Array.from({ length: perBatch }, (_, at) => cifarRecord((7 * at + batch) % 10));
    await writeFile(path.join(folder, name), Buffer.concat(records));
  }
}

/** The pixel at row y, column x is (label, y, x). */
export function cifarRecord(label: number): Buffer {
  const plane = (value: (at: number) => number) =>
    Buffer.from(Array.from({ length: 1024 }, (_, at) => value(at)));
  const rows = plane((at) => Math.floor(at / 32));
  const columns = plane((at) => at % 32);
  return Buffer.concat([Buffer.of(label), plane(() => label), rows, columns]);
}

/** A status line that keeps what it is told. */
export function notes(): { status: StatusLine; lines: string[]; updates: string[] } {
  const lines: string[] = [];
  const updates: string[] = [];
  const status = { note: (text: string) => lines.push(text), update: (text: string) => updates.push(text) };
  return { status, lines, updates };
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

const colour = (label: number) => ({
  r: (25 * label) % 256,
  g: 255 - ((25 * label) % 256),
  b: (label * 83) % 256,
});

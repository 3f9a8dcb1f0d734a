import sharp, { type Sharp } from "sharp";
import { expect, test } from "vitest";
import { isWhole } from "./image-end.ts";
import { readImageHeader } from "./image-header.ts";

const WIDTH = 64;
const HEIGHT = 48;
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, at) => (at * 7919) % 251);
const image = (): Sharp => sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
const animated = async () => {
  const raw = { width: WIDTH, height: HEIGHT, channels: 3, pageHeight: HEIGHT / 2 } as const;
  return sharp(
    await sharp(pixels, { raw })
      .gif({ delay: [50, 50] })
      .toBuffer(),
    { animated: true },
  );
};

async function whole(...parts: readonly Uint8Array[]): Promise<boolean> {
  const file = new Blob(parts.map((part) => Uint8Array.from(part)));
  return isWhole(file, (await readImageHeader(file))!);
}

function bmp(): Buffer {
  const file = Buffer.alloc(54 + 4 * WIDTH * HEIGHT);
  file.write("BM");
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(WIDTH, 18);
  file.writeInt32LE(HEIGHT, 22);
  file.writeUInt16LE(32, 28);
  return file;
}

async function icon(): Promise<Buffer> {
  const png = await image().png().toBuffer();
  const head = Buffer.alloc(22);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(1, 4);
  head.set([WIDTH, HEIGHT], 6);
  head.writeUInt32LE(png.length, 14);
  head.writeUInt32LE(22, 18);
  return Buffer.concat([head, png]);
}

const files: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  JPEG: () => image().jpeg().toBuffer(),
  "progressive JPEG": () => image().jpeg({ progressive: true }).toBuffer(),
  "JPEG with metadata": () => image().withMetadata().jpeg().toBuffer(),
  PNG: () => image().png().toBuffer(),
  "interlaced PNG": () => image().png({ progressive: true }).toBuffer(),
  WebP: () => image().webp().toBuffer(),
  "lossless WebP": () => image().webp({ lossless: true }).toBuffer(),
  "animated WebP": async () => (await animated()).webp().toBuffer(),
  GIF: () => image().gif().toBuffer(),
  "animated GIF": async () => (await animated()).gif().toBuffer(),
  AVIF: () => image().avif({ effort: 0 }).toBuffer(),
  BMP: async () => bmp(),
  ICO: icon,
};

test.each(Object.entries(files))(
  "a %s is whole, and is not as soon as it ends a byte early",
  async (name, make) => {
    const file = await make();
    expect(await whole(file)).toBe(true);
    for (const length of [file.length - 1, Math.round(0.9 * file.length), Math.round(0.6 * file.length)]) {
      const cut = file.subarray(0, length);
      if ((await readImageHeader(new Blob([Uint8Array.from(cut)]))) === null) continue; // Not even its size is there.
      expect(await whole(cut), `${name}, ${length} of ${file.length} bytes`).toBe(false);
    }
  },
);

test("what follows the end is nobody's business: cameras put previews and films there", async () => {
  const trailer = new Uint8Array(100_000).fill(7);
  for (const name of ["JPEG", "PNG", "GIF", "WebP", "BMP", "ICO"]) {
    expect(await whole(await files[name]!(), trailer), name).toBe(true);
  }
  const cut = (await files.JPEG!()).slice(0, -2);
  expect(await whole(cut, trailer)).toBe(false);
});

test("a preview's own end is not the photo's", async () => {
  const preview = await image().resize(16, 12).jpeg().toBuffer();
  const photo = await image().jpeg().toBuffer();
  const exif = Uint8Array.from([0xff, 0xe1, (preview.length + 2) >> 8, (preview.length + 2) & 255]);
  const parts = [photo.subarray(0, 2), exif, preview, photo.subarray(2)];
  expect(await whole(...parts)).toBe(true);
  expect(await whole(...parts.slice(0, 3), photo.subarray(2, -30))).toBe(false);
});

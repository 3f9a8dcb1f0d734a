import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { randomFrom } from "#shared/random";
import { readImageHeader } from "./image-header.ts";

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#38a" } });
const headerOf = (...parts: readonly (Uint8Array | string)[]) =>
  readImageHeader(new Blob(parts.map((part) => (typeof part === "string" ? part : Uint8Array.from(part)))));
const segment = (code: number, bytes: number) =>
  Uint8Array.from([0xff, code, (bytes + 2) >> 8, (bytes + 2) & 255, ...new Uint8Array(bytes).fill(0x41)]);
const small = { width: 301, height: 97 };

test("the size of every format is read from its first bytes", async () => {
  const image = picture(301, 97);
  const files = {
    PNG: await image.clone().png().toBuffer(),
    JPEG: await image.clone().jpeg().toBuffer(),
    WebP: await image.clone().webp().toBuffer(),
    GIF: await image.clone().gif().toBuffer(),
    AVIF: await image.clone().avif({ effort: 0 }).toBuffer(),
  };
  for (const [format, bytes] of Object.entries(files)) {
    expect(await headerOf(bytes), format).toEqual({ format, ...small, isProgressive: false });
  }
  const lossless = await image.clone().webp({ lossless: true }).toBuffer();
  expect(await headerOf(lossless)).toMatchObject({ format: "WebP", ...small });
  const transparent = await sharp({
    create: { width: 301, height: 97, channels: 4, background: { r: 1, g: 2, b: 3, alpha: 0.5 } },
  });
  expect(await headerOf(await transparent.webp().toBuffer())).toMatchObject(small);
});

test("a progressive JPEG with a profile and metadata in front is read too", async () => {
  const bytes = await picture(640, 480).withMetadata().jpeg({ progressive: true }).toBuffer();
  expect(await headerOf(bytes)).toEqual({ format: "JPEG", width: 640, height: 480, isProgressive: true });
});

test("a JPEG's frame is found behind megabytes of metadata, stray bytes, padding and odd lengths", async () => {
  const jpeg = await picture(301, 97).jpeg().toBuffer();
  const [start, rest] = [jpeg.subarray(0, 2), jpeg.subarray(2)];
  const cases: Readonly<Record<string, readonly Uint8Array[]>> = {
    metadata: Array.from({ length: 40 }, () => segment(0xe1, 65_000)),
    "many short segments": Array.from({ length: 4000 }, () => segment(0xfe, 1)),
    "stray bytes": [segment(0xe1, 100), new Uint8Array(300_000).fill(0x20)],
    "stray bytes like compressed data": [
      Uint8Array.from({ length: 9000 }, (_, at) => (at % 2 === 0 ? 0xff : 0)),
    ],
    padding: [new Uint8Array(5000).fill(0xff)],
    "a length of 0": [Uint8Array.from([0xff, 0xe1, 0, 0])],
    // As cameras write it: the preview's own frame must not be taken for the photo's.
    "a preview": [
      Uint8Array.from([0xff, 0xe1, (jpeg.length + 2) >> 8, (jpeg.length + 2) & 255]),
      await picture(16, 12).jpeg().toBuffer(),
      new Uint8Array(jpeg.length - (await picture(16, 12).jpeg().toBuffer()).length),
    ],
  };
  for (const [what, between] of Object.entries(cases)) {
    expect(await headerOf(start, ...between, rest), what).toMatchObject({ format: "JPEG", ...small });
  }
});

test("no more of a file is read than need be", async () => {
  let bytesRead = 0;
  class Counted extends Blob {
    override slice(from = 0, to = this.size, type?: string): Blob {
      bytesRead += Math.min(to, this.size) - from;
      return super.slice(from, to, type);
    }
  }
  const jpeg = await picture(301, 97).jpeg().toBuffer();
  const huge = new Counted([Uint8Array.from(jpeg), new Uint8Array(20 << 20)]);
  expect(await readImageHeader(huge)).toMatchObject(small);
  expect(bytesRead).toBeLessThan(1 << 20);
});

test("an AVIF's size is found behind its data too, and HEIC is called HEIC", async () => {
  const avif = await picture(301, 97).avif({ effort: 0 }).toBuffer();
  const ftypBytes = avif.readUInt32BE(0);
  const [ftyp, rest] = [avif.subarray(0, ftypBytes), avif.subarray(ftypBytes)];
  const free = Buffer.alloc(600_000);
  free.writeUInt32BE(free.length, 0);
  free.write("free", 4);
  expect(await headerOf(ftyp, free, rest)).toMatchObject({ format: "AVIF", ...small });
  for (const brands of [
    "heic\0\0\0\0mif1heic",
    "mif1\0\0\0\0mif1heic",
    "msf1\0\0\0\0hevc",
    "mif1\0\0\0\0miaf",
  ]) {
    const box = Buffer.concat([Buffer.alloc(8), Buffer.from(brands, "latin1")]);
    box.writeUInt32BE(box.length, 0);
    box.write("ftyp", 4);
    expect(await headerOf(box, rest), brands).toMatchObject({ format: "HEIC", ...small });
  }
});

test("icons, cursors and both kinds of BMP are read", async () => {
  const bmp = Buffer.alloc(54);
  bmp.write("BM");
  bmp.writeUInt32LE(40, 14);
  bmp.writeInt32LE(301, 18);
  bmp.writeInt32LE(-97, 22);
  expect(await headerOf(bmp)).toMatchObject({ format: "BMP", ...small });
  bmp.writeUInt32LE(12, 14);
  bmp.writeUInt16LE(301, 18);
  bmp.writeUInt16LE(97, 20);
  expect(await headerOf(bmp)).toMatchObject({ format: "BMP", ...small });
  for (const type of [1, 2]) {
    const icon = Buffer.alloc(6 + 32);
    icon.writeUInt16LE(type, 2);
    icon.writeUInt16LE(2, 4);
    icon.set([16, 16], 6);
    icon.set([0, 48], 22);
    expect(await headerOf(icon)).toMatchObject({ format: "ICO", width: 256, height: 48 });
  }
});

test("SVG is known by its root element, whatever stands before it", async () => {
  const root = "<svg xmlns='http://www.w3.org/2000/svg'/>";
  for (const before of [
    "",
    "\ufeff",
    "\n  ",
    "<?xml version='1.0' encoding='utf-8'?>\n",
    "<!-- <html> -->\n<!-- another -->",
    `<?xml version="1.0"?><!DOCTYPE svg PUBLIC "a" "b" [<!ENTITY x "y">\n]>`,
    `<!--${"-a".repeat(40_000)}-->`,
  ]) {
    expect(await headerOf(before + root), before.slice(0, 40)).toEqual({ format: "SVG" });
  }
  expect(await headerOf("<svg:svg xmlns:svg='http://www.w3.org/2000/svg'>")).toEqual({ format: "SVG" });
  for (const other of ["<html><svg/></html>", "<svgs/>", "svg", "<!-- <svg> -->"]) {
    expect(await headerOf(other), other).toBeNull();
  }
});

test("what is no image, or is cut off in its header, has no size", async () => {
  const png = await picture(8, 8).png().toBuffer();
  const jpeg = await picture(8, 8).jpeg().toBuffer();
  for (const bytes of [new Uint8Array(), png.subarray(0, 18), jpeg.subarray(0, 30), new Uint8Array(4096)]) {
    expect(await headerOf(bytes)).toBeNull();
  }
});

test("garbage never throws nor hangs", async () => {
  const random = randomFrom(1);
  const byte = (): number => Math.floor(random() * 256);
  const starts = [
    [0xff, 0xd8],
    [0x89, 0x50, 0x4e, 0x47],
    [...Buffer.from("RIFFxxxxWEBP")],
    [...Buffer.from("xxxxftyp")],
    [...Buffer.from("\0\0\0\x14ftypavif\0\0\0\0avif")],
    [...Buffer.from("BM")],
    [0, 0, 1, 0],
    [...Buffer.from("<!DOCTYPE ")],
  ];
  for (let run = 0; run < 400; run++) {
    const bytes = Uint8Array.from([...starts[run % starts.length]!, ...Array.from({ length: run }, byte)]);
    const header = await headerOf(bytes);
    expect(header === null || header.format.length > 2).toBe(true);
  }
});

const CASES = "../shared/data/cases/pictures";
test.skipIf(!existsSync(CASES))(
  "the pictures that people reported (../shared) are what they are",
  async () => {
    const file = (name: string) => readFileSync(join(CASES, name));
    for (const name of ["xmp5x64k.jpg", "junk-between.jpg", "noEOI.jpg", "trunc50.jpg"]) {
      expect(await headerOf(file(name)), name).toMatchObject({ format: "JPEG", width: 320, height: 240 });
    }
    expect(await headerOf(file("trunc-noIEND.png"))).toMatchObject({
      format: "PNG",
      width: 320,
      height: 240,
    });
    expect(await headerOf(file("50.3mp.jpg"))).toMatchObject({ format: "JPEG", width: 8192, height: 6144 });
    expect(await headerOf(file("x.ico"))).toMatchObject({ format: "ICO", width: 64, height: 48 });
    expect((await headerOf(file("x.heic")))?.format).toBe("HEIC");
    expect(await headerOf(file("sized.svg"))).toEqual({ format: "SVG" });
    expect(await headerOf(file("nosize.svg"))).toEqual({ format: "SVG" });
  },
);

import sharp from "sharp";
import { expect, test } from "vitest";
import { checkImageFile, readImageHeader } from "./image-header.ts";

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "#38a" } });

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
    expect(readImageHeader(bytes), format).toEqual({ format, width: 301, height: 97 });
  }
  const lossless = await image.clone().webp({ lossless: true }).toBuffer();
  expect(readImageHeader(lossless)).toEqual({ format: "WebP", width: 301, height: 97 });
  const transparent = await sharp({
    create: { width: 301, height: 97, channels: 4, background: { r: 1, g: 2, b: 3, alpha: 0.5 } },
  });
  expect(readImageHeader(await transparent.webp().toBuffer())).toMatchObject({ width: 301, height: 97 });
});

test("a progressive JPEG with a profile and metadata in front is read too", async () => {
  const bytes = await picture(640, 480).withMetadata().jpeg({ progressive: true }).toBuffer();
  expect(readImageHeader(bytes)).toEqual({ format: "JPEG", width: 640, height: 480 });
});

test("what is no image, or is cut off in its header, has no size", async () => {
  const png = await picture(8, 8).png().toBuffer();
  const jpeg = await picture(8, 8).jpeg().toBuffer();
  for (const bytes of [
    new Uint8Array(),
    new TextEncoder().encode("<svg xmlns='http://www.w3.org/2000/svg'/>"),
    png.subarray(0, 18),
    jpeg.subarray(0, 30),
    new Uint8Array(4096),
  ]) {
    expect(readImageHeader(bytes)).toBeNull();
  }
});

test("garbage never throws nor hangs", () => {
  let state = 1;
  const random = (): number => {
    state = (state * 48271) % 2147483647;
    return state & 255;
  };
  const starts = [
    [0xff, 0xd8],
    [0x89, 0x50, 0x4e, 0x47],
    [...Buffer.from("RIFFxxxxWEBP")],
    [...Buffer.from("xxxxftyp")],
  ];
  for (let run = 0; run < 200; run++) {
    const bytes = Uint8Array.from([...starts[run % starts.length]!, ...Array.from({ length: run }, random)]);
    expect(() => readImageHeader(bytes)).not.toThrow();
  }
});

test("100 megapixels are refused by the header, with the size in the message", async () => {
  const header = new Uint8Array(33);
  header.set([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(header.buffer).setUint32(16, 10000);
  new DataView(header.buffer).setUint32(20, 10000);
  await expect(checkImageFile(new Blob([header]))).rejects.toMatchObject({
    code: "too-large",
    message: "image: expected at most 50 megapixels, got 10000 x 10000",
  });
});

test("a file that is no image is refused, naming its type", async () => {
  await expect(checkImageFile(new Blob(["hello"], { type: "text/plain" }))).rejects.toMatchObject({
    code: "bad-image",
    message: "expected a PNG, JPEG, WebP, GIF, BMP or AVIF image, got text/plain",
  });
  await expect(checkImageFile(new Blob([]))).rejects.toMatchObject({ code: "bad-image" });
});

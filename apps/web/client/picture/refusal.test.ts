import sharp from "sharp";
import { expect, test } from "vitest";
import { refusal } from "./refusal.ts";

const wordsFor = async (bytes: string | Uint8Array, type = "") => {
  const part = typeof bytes === "string" ? bytes : Uint8Array.from(bytes);
  const { code, message } = await refusal(new Blob([part], { type }), null);
  expect(code).toBe("bad-image");
  return message;
};

test("what a file is instead of a picture is called by its name", async () => {
  const expected = "expected a PNG, JPEG, WebP, GIF, BMP, AVIF, ICO or SVG image";
  expect(await wordsFor("These are notes.", "text/plain")).toBe(`${expected}, got text/plain`);
  expect(await wordsFor("")).toBe(`${expected}, got an empty file`);
  expect(await wordsFor("?")).toBe(`${expected}, got something else`);
  const tiff = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#38a" } })
    .tiff()
    .toBuffer();
  expect(await wordsFor(tiff, "image/tiff")).toMatch(
    /got a TIFF or raw photo, which this browser does not show/,
  );
  expect(await wordsFor("%PDF-1.7")).toMatch(/got a PDF,/);
  expect(await wordsFor("\0\0\0\x18ftypmp42")).toMatch(/got a video,/);
});

test("a picture of which nothing can be shown is called by its format, HEIC too", async () => {
  const file = new Blob(["x"]);
  const size = { width: 8, height: 8, isProgressive: false };
  expect((await refusal(file, { format: "HEIC", ...size })).message).toMatch(
    /got a HEIC photo, which this browser/,
  );
  expect((await refusal(file, { format: "WebP", ...size })).message).toMatch(
    /^expected a WebP image that can be decoded/,
  );
});

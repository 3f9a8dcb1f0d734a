import { EddiError, toEddiError } from "#shared/errors";
import { decodeFile } from "../../image/decode-file.ts";
import { isWhole } from "../../image/image-end.ts";
import type { ImageHeader, RasterHeader } from "../../image/image-header.ts";
import { checkImageFile, LARGE_PIXELS } from "../../image/image-limits.ts";
import type { Answer, ImageSource, OpenedPicture } from "../../talk/edge.ts";
import { drawPicture } from "./draw-picture.ts";
import { refusal } from "./refusal.ts";

/** Asks for an answer; told what was done for the picture where it was opened here. */
export type AskOpened = (image: ImageSource, opened?: OpenedPicture) => Promise<Answer>;

/**
 * Answers a picture's file. What is a picture the browser decides: the edge worker decodes what it can, this thread what
 * only an `<img>` element can show, and what is so large that it must not be shown, nor decoded, but at a reduced size.
 *
 * @param show called with the file to put on show, before it is asked about
 * @throws EddiError `too-large`, or `bad-image` when the browser shows nothing of it
 */
export async function answerPicture(
  file: Blob,
  ask: AskOpened,
  show: (shown: Blob) => void,
): Promise<Answer> {
  const startMs = performance.now();
  const header = await checkImageFile(file);
  const picture = asPicture(file, header);
  const answerOpened = (bitmap: ImageBitmap, isIncomplete: boolean): Promise<Answer> =>
    ask(bitmap, { ms: performance.now() - startMs, isIncomplete });
  const isRaster = header !== null && header.format !== "SVG";
  if (isRaster && !isLarge(header)) {
    show(picture);
    const answer = await unlessUndecodable(ask(picture));
    if (answer !== null) return answer;
  } else if (isRaster) {
    const [reduced, whole] = await Promise.all([
      unlessUndecodable(decodeFile(picture, header)),
      isWhole(picture, header),
    ]);
    if (reduced !== null) {
      show(await toFile(reduced));
      return answerOpened(reduced, !whole);
    }
  }
  const drawn = await drawPicture(picture, header?.format === "SVG");
  if (drawn === null) throw await refusal(file, header);
  if (!isRaster || isLarge(header)) show(isRaster ? await toFile(drawn) : picture);
  // What only an <img> element shows of these is damaged, or ends early.
  return answerOpened(drawn, isRaster);
}

function isLarge({ width, height }: RasterHeader): boolean {
  return width * height > LARGE_PIXELS;
}

/** Browsers look at a file's bytes to see which format it has, but take it for SVG only by its type. */
function asPicture(file: Blob, header: ImageHeader | null): Blob {
  if (header?.format !== "SVG" || file.type === SVG_TYPE) return file;
  return new Blob([file], { type: SVG_TYPE });
}

const SVG_TYPE = "image/svg+xml";

/** Null where the work fails because of the picture. */
async function unlessUndecodable<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (thrown) {
    if (toEddiError(thrown).code !== "bad-image") throw thrown;
    return null;
  }
}

/** A file for an `<img>` element: the bitmap itself is the worker's. */
async function toFile(bitmap: ImageBitmap): Promise<Blob> {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  if (context === null) throw new EddiError("internal", "expected a 2D canvas, got none");
  context.drawImage(bitmap, 0, 0);
  // A browser that writes no WebP writes PNG.
  return canvas.convertToBlob({ type: "image/webp", quality: 0.9 });
}

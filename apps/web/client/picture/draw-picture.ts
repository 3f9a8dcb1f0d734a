import { drawReduced } from "../../image/decode-file.ts";
import { checkPixels, thisDevice, wholePixels } from "../../image/image-limits.ts";

/** A drawing can be drawn in any size: one that is but an icon is drawn larger, as pixels cannot be. */
const LEAST_DRAWING = 128;
/** What browsers take for the size of a drawing that says nothing of it. */
const USUAL_DRAWING = { width: 300, height: 150 } as const;

/**
 * A picture as an `<img>` element shows it: that knows formats which `createImageBitmap` does not, and shows of an
 * incomplete file what there is of it.
 *
 * @returns null when it shows nothing; and in workers, which have none
 * @throws EddiError `too-large`
 */
export async function drawPicture(file: Blob, isSvg: boolean): Promise<ImageBitmap | null> {
  if (!("Image" in globalThis)) return null;
  const url = URL.createObjectURL(file);
  try {
    const image = await load(url);
    if (image === null) return null;
    if (isSvg) return drawDrawing(image);
    const { naturalWidth: width, naturalHeight: height } = image;
    checkPixels({ width, height }, wholePixels(thisDevice()));
    const picture = drawReduced(image, width, height);
    if (showsAnything(picture)) return picture;
    picture.close();
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Null when the browser takes it for no picture. */
function load(url: string): Promise<HTMLImageElement | null> {
  return new Promise((done) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => done(null);
    image.src = url;
  });
}

function drawDrawing(image: HTMLImageElement): ImageBitmap {
  const width = image.naturalWidth || USUAL_DRAWING.width;
  const height = image.naturalHeight || USUAL_DRAWING.height;
  const scale = Math.max(1, LEAST_DRAWING / Math.min(width, height));
  return drawReduced(image, scale * width, scale * height);
}

/** Of some files that end early nothing can be seen. */
function showsAnything(picture: ImageBitmap): boolean {
  const side = 64;
  const context = new OffscreenCanvas(side, side).getContext("2d", { willReadFrequently: true });
  if (context === null) return true;
  context.imageSmoothingQuality = "high"; // Looks at every row.
  context.drawImage(picture, 0, 0, side, side);
  const { data } = context.getImageData(0, 0, side, side);
  for (let alpha = 3; alpha < data.length; alpha += 4) if (data[alpha]! > 0) return true;
  return false;
}

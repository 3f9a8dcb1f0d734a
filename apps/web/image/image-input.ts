import { EddiError } from "#shared/errors";
import { elementCount, imageShape, luma, type ModelInput } from "#shared/model";
import type { ImageSource } from "../talk/edge.ts";
import { sizeShown } from "../talk/handed-on.ts";
import { decodeFile } from "./decode-file.ts";
import { isWhole } from "./image-end.ts";
import { checkImageFile } from "./image-limits.ts";

/** What a model sees of a picture. */
export interface ImageInput {
  /** float32 [height, width, channels], RGB or grey, in the input's range; made when first asked for. */
  values(): Float32Array;
  /** The same as colours, of the input's size; null where only values were given. */
  readonly canvas: OffscreenCanvas | null;
  /** The file ends before its picture does. */
  readonly isIncomplete: boolean;
}

/**
 * The model's input from an image: the largest square in its middle, scaled to the input's size. A bitmap or frame
 * given is closed.
 *
 * @throws EddiError `bad-image` or `too-large`, saying what was expected and what came
 */
export async function imageInput(source: ImageSource, input: ModelInput): Promise<ImageInput> {
  if (source instanceof Float32Array) {
    const values = checkValues(source, input);
    return { values: () => values, canvas: null, isIncomplete: false };
  }
  const { bitmap, isIncomplete } = await decode(source);
  try {
    return drawnInput(drawSquare(bitmap, input), input, isIncomplete);
  } finally {
    bitmap.close();
  }
}

/** Values out of all measure overflow in the network: then the engine would be blamed. */
function checkValues(values: Float32Array, input: ModelInput): Float32Array {
  const shape = imageShape(input);
  const expected = elementCount(shape);
  if (values.length !== expected) {
    const came = `got ${values.length}`;
    throw new EddiError("bad-image", `image values: expected ${expected}, ${shape.join(" x ")}, ${came}`);
  }
  const [low, high] = input.range;
  const slack = OVERSHOOT * (high - low);
  const wrong = values.find((value) => !(value >= low - slack && value <= high + slack));
  if (wrong === undefined) return values;
  throw new EddiError("bad-image", `image values: expected ${low} to ${high}, got ${wrong}`);
}

/** Other normalisations than the model's are let pass, so many times its range. */
const OVERSHOOT = 100;

async function decode(
  source: Exclude<ImageSource, Float32Array>,
): Promise<{ readonly bitmap: ImageBitmap; readonly isIncomplete: boolean }> {
  if (source instanceof Blob) {
    const header = await checkImageFile(source);
    if (header === null || header.format === "SVG") {
      throw new EddiError("bad-image", "expected an image of a format that workers decode");
    }
    const [bitmap, whole] = await Promise.all([decodeFile(source, header), isWhole(source, header)]);
    return { bitmap, isIncomplete: !whole };
  }
  if (source instanceof ImageData) return { bitmap: await createImageBitmap(source), isIncomplete: false };
  const { width, height } = sizeShown(source);
  if (width > 0 && height > 0) return { bitmap: await bitmapOf(source), isIncomplete: false };
  throw new EddiError("bad-image", "expected an open ImageBitmap or VideoFrame, got a closed one");
}

/** Browsers scale frames worse than bitmaps when they draw them. A frame is closed: the camera waits for its memory. */
async function bitmapOf(source: ImageBitmap | VideoFrame): Promise<ImageBitmap> {
  if (source instanceof ImageBitmap) return source;
  try {
    return await createImageBitmap(source);
  } finally {
    source.close();
  }
}

/** An image that goes to the cloud as a file never becomes values. */
function drawnInput(canvas: OffscreenCanvas, input: ModelInput, isIncomplete: boolean): ImageInput {
  let values: Float32Array | null = null;
  return {
    canvas,
    isIncomplete,
    values() {
      values ??= toValues(contextOf(canvas).getImageData(0, 0, canvas.width, canvas.height), input);
      return values;
    },
  };
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context !== null) return context;
  throw new EddiError("internal", "expected a 2D canvas, got none");
}

function drawSquare(bitmap: ImageBitmap, { width, height }: ModelInput): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = contextOf(canvas);
  const scale = Math.min(bitmap.width / width, bitmap.height / height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // Behind transparent pictures.
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, (bitmap.width - w) / 2, (bitmap.height - h) / 2, w, h, 0, 0, width, height);
  return canvas;
}

function toValues({ data }: ImageData, input: ModelInput): Float32Array {
  const [low, high] = input.range;
  const values = new Float32Array(elementCount(imageShape(input)));
  const isGrey = input.channels === 1;
  const scale = (high - low) / 255;
  for (let pixel = 0, at = 0; pixel < data.length; pixel += 4) {
    const [red, green, blue] = [data[pixel]!, data[pixel + 1]!, data[pixel + 2]!];
    if (isGrey) values[at++] = low + luma(red, green, blue) * scale;
    else {
      values[at++] = low + red * scale;
      values[at++] = low + green * scale;
      values[at++] = low + blue * scale;
    }
  }
  return values;
}

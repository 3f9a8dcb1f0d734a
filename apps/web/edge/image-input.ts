import { EddiError, toEddiError } from "#shared/errors";
import { elementCount, imageShape, luma, type ModelInput } from "#shared/model";
import type { ImageSource } from "./conversation.ts";
import { checkImageFile } from "./image-header.ts";

/**
 * The model's input from an image: the largest square in its middle, scaled to the input's size.
 *
 * @returns float32 [height, width, channels], RGB or grey, in the input's range; a bitmap given is closed
 * @throws EddiError `bad-image` or `too-large`, saying what was expected and what came
 */
export async function imageInput(source: ImageSource, input: ModelInput): Promise<Float32Array> {
  if (source instanceof Float32Array) return checkValues(source, input);
  const bitmap = await decode(source);
  try {
    return toValues(drawSquare(bitmap, input), input);
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

async function decode(source: Blob | ImageBitmap | ImageData): Promise<ImageBitmap> {
  if (source instanceof ImageBitmap) {
    if (source.width > 0 && source.height > 0) return source;
    throw new EddiError("bad-image", "expected an open ImageBitmap, got a closed one");
  }
  const header = source instanceof Blob ? await checkImageFile(source) : null;
  try {
    return await createImageBitmap(source);
  } catch (cause) {
    const what = header === null ? "image data" : `${header.format} image`;
    throw new EddiError(
      "bad-image",
      `expected a ${what} that can be decoded: ${toEddiError(cause).message}`,
      {
        cause,
      },
    );
  }
}

function drawSquare(bitmap: ImageBitmap, { width, height }: ModelInput): ImageData {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new EddiError("internal", "expected a 2D canvas, got none");
  const scale = Math.min(bitmap.width / width, bitmap.height / height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white"; // Behind transparent pictures.
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, (bitmap.width - w) / 2, (bitmap.height - h) / 2, w, h, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
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

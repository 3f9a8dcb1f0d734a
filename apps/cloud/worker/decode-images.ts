import type { Metadata, Sharp } from "sharp";
import { IMAGE_CODECS, type ImageCodecName, imageCodec } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { elementCount, type ModelInput, type TensorInfo } from "#shared/model";
import {
  type DecodedTensor,
  encodeImage,
  type Parameters,
  splitElements,
  type WireTensor,
} from "#shared/protocol";

/** By media types that the model's input may come as. */
const FORMATS: ReadonlyMap<unknown, ImageCodecName> = new Map(
  IMAGE_CODECS.map((codec) => [imageCodec(codec).mediaType, codec]),
);

/**
 * Decodes the images of a BYTES tensor, each of the model's size. Sizes are read from the headers: what is larger
 * is never decoded.
 *
 * @param info of the input: [height, width, channels], of 1 or 3 channels
 * @throws EddiError `bad-tensor` for a bad shape or parameter; `bad-image` for an image that is broken, of another
 *   format or size
 */
export async function decodeImages(
  tensor: WireTensor,
  input: ModelInput,
  info: TensorInfo,
  parameters: Parameters,
): Promise<DecodedTensor> {
  const { name, shape, data } = tensor;
  if (shape.length !== 1) {
    throw new EddiError("bad-tensor", `${name}: expected shape [-1] of images, got [${shape}]`);
  }
  const key = `image.${name}`;
  const format = FORMATS.get(parameters[key]);
  if (format === undefined) {
    const expected = `parameter ${key}: expected ${[...FORMATS.keys()].join(" or ")}`;
    throw new EddiError("bad-tensor", `${expected}, got ${parameters[key] ?? "none"}`);
  }
  const files = splitElements(name, data, shape[0]!);
  const each = elementCount(info.shape);
  const values = new Float32Array(files.length * each);
  const [low, high] = input.range;
  for (const [at, file] of files.entries()) {
    const pixels = await decodeImage(name, file, format, info.shape);
    for (let i = 0; i < each; i++) values[at * each + i] = low + (pixels[i]! * (high - low)) / 255;
  }
  return { shape: [files.length, ...info.shape], values };
}

/** @returns the pixels, 0..255, interleaved */
async function decodeImage(
  name: string,
  file: Uint8Array,
  format: ImageCodecName,
  [height, width, channels]: readonly number[],
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const expected = `${name}: expected a ${format} image of ${width}x${height} pixels`;
  try {
    const beginning = Buffer.from(file.buffer, file.byteOffset, Math.min(12, file.byteLength));
    // Nothing else reaches a decoder, whatever `sharp` could read.
    if (!imageCodec(format).beginning.test(beginning.toString("latin1")))
      throw new Error(`it does not begin as ${format}`);
    checkHeader(await sharp(file).metadata(), format, width!, height!, expected);
    const image = sharp(file, { limitInputPixels: width! * height!, ignoreIcc: true });
    return await (channels === 1 ? grey(image) : colour(image)).raw().toBuffer();
  } catch (thrown) {
    if (thrown instanceof EddiError) throw thrown;
    const came = `got ${file.byteLength} bytes: ${(thrown as Error).message.split("\n")[0]}`;
    throw new EddiError("bad-image", `${expected}, ${came}`, { cause: thrown });
  }
}

const colour = (image: Sharp): Sharp => image.removeAlpha().toColourspace("srgb");
const grey = (image: Sharp): Sharp => image.removeAlpha().toColourspace("b-w");

function checkHeader(
  header: Metadata,
  format: string,
  width: number,
  height: number,
  expected: string,
): void {
  const frames = header.pages ?? 1;
  if (header.format === format && header.width === width && header.height === height && frames === 1) return;
  const many = frames === 1 ? "" : ` and ${frames} frames`;
  throw new EddiError(
    "bad-image",
    `${expected}, got ${header.format} of ${header.width}x${header.height}${many}`,
  );
}

/** Decodes an image of each format, so that no request pays for a decoder that starts. */
export async function warmImages(input: ModelInput, info: TensorInfo): Promise<void> {
  const sharp = await loadSharp().catch(() => null);
  if (sharp === null) return;
  const [height, width] = info.shape as [number, number];
  for (const codec of IMAGE_CODECS) {
    const create = { width, height, channels: 3, background: "grey" } as const;
    const file = await sharp({ create }).toFormat(codec).toBuffer();
    const { tensor, parameters } = encodeImage(input.node, codec, file);
    await decodeImages(tensor, input, info, parameters);
  }
}

/** Loaded when it is needed: the service does without where its binary is missing. */
async function loadSharp(): Promise<typeof import("sharp").default> {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    throw new EddiError("unsupported-media", "expected tensors: this service cannot decode images", {
      cause,
    });
  }
}

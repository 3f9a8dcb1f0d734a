import { isFittedCodec, isImageCodec, type LinearCoder } from "#shared/codecs";
import { toEddiError } from "#shared/errors";
import { type Model, USUAL_CODEC, USUAL_QUALITY, type WireCodec } from "#shared/model";
import {
  type EncodedTensor,
  encodeFitted,
  encodeImage,
  encodeRequest,
  encodeTensor,
  type Frame,
} from "#shared/protocol";
import type { TensorValues } from "#shared/runtime";
import { encodeCanvas, encodeImageFile } from "../../image/encode-image.ts";
import { deflate } from "./deflate.ts";

/** The cut of one image, ready to be sent. */
export interface EncodedCut {
  /** The name that the cloud knows the tail's model by. */
  readonly model: string;
  /** Null where the cloud has versions of its own, and takes the newest. */
  readonly version: string | null;
  /** The JSON's length is that before deflating; null where all is JSON. */
  readonly frame: Pick<Frame, "body"> & { readonly jsonBytes: number | null };
  /** The body's `Content-Encoding`. */
  readonly encoding: "deflate" | null;
  /** How the tensors travel: as was asked, but for what this browser cannot do. */
  readonly codecs: Readonly<Record<string, WireCodec>>;
}

/** By tensor, and by rate: how it is coded by the codec that was fitted to it; of those whose numbers are there. */
export type Coders = ReadonlyMap<string, readonly LinearCoder[]>;

/** What is asked of the cloud. */
export interface CloudAsk {
  readonly exit: string;
  /** Whether an earlier exit will do, when the service is busy. */
  readonly mayAnswerEarlier: boolean;
  /** Early exits that were asked, and what they said. */
  readonly asked: readonly {
    readonly exit: string;
    readonly classIndex: number;
    readonly confidence: number;
  }[];
  /** What is left until nobody waits for the reply any more. */
  readonly timeoutMs: number;
}

/** How a cut becomes a request: as our service takes it, or any server of the protocol. */
export type EncodeCut = typeof encodeCut;

/**
 * One frame with the cut tensors of one image.
 *
 * @param canvas the image as colours, where there is such a thing
 * @param coders of codecs that were fitted to tensors
 * @param codecOf how a tensor is to travel; all are deflated, or none
 */
export async function encodeCut(
  model: Model,
  { exit, mayAnswerEarlier, asked, timeoutMs }: CloudAsk,
  cut: ReadonlyMap<string, TensorValues>,
  canvas: OffscreenCanvas | null,
  coders: Coders,
  codecOf: (name: string) => WireCodec,
): Promise<EncodedCut> {
  const encoded = await Promise.all(
    [...cut].map(async ([name, tensor]) => ({
      name,
      ...(await encode(model, name, tensor, { canvas, coders: coders.get(name) ?? [] }, codecOf(name))),
    })),
  );
  const timeout = Math.max(1, Math.round(timeoutMs * 1000));
  const earlier = mayAnswerEarlier ? { allow_earlier_exit: true } : {};
  const said = asked.map((one) => `${one.exit}:${one.classIndex}:${one.confidence.toFixed(3)}`);
  const early = said.length > 0 ? { asked_exits: said.join() } : {};
  const frame = encodeRequest({
    parameters: Object.assign(
      { exit, timeout, ...earlier, ...early },
      ...encoded.map(({ parameters }) => parameters),
    ),
    inputs: encoded.map(({ tensor }) => tensor),
    outputs: [],
    binaryOutputs: true,
  });
  const codecs = Object.fromEntries(encoded.map(({ name, codec }) => [name, codec]));
  const { version } = model;
  const known = { model: model.metadata.id, version, codecs };
  if (!encoded.some(({ codec }) => codec.deflate)) return { ...known, frame, encoding: null };
  return { ...known, frame: { ...frame, body: await deflate(frame.body) }, encoding: "deflate" };
}

async function encode(
  { metadata, nodes }: Model,
  name: string,
  tensor: TensorValues,
  { canvas, coders }: { readonly canvas: OffscreenCanvas | null; readonly coders: readonly LinearCoder[] },
  wanted: WireCodec,
): Promise<Omit<EncodedTensor, "codec"> & { readonly codec: WireCodec }> {
  const { codec, quality = USUAL_QUALITY, deflate } = wanted;
  if (isFittedCodec(codec)) {
    const coder = coders[quality - 1];
    if (coder === undefined) return asUsual(name, tensor, deflate);
    return { ...encodeFitted(name, { codec, rate: quality, coder }, tensor.values), codec: wanted };
  }
  if (!isImageCodec(codec)) {
    const encoded = encodeTensor(name, tensor.shape, tensor.values, codec);
    return { ...encoded, codec: { ...wanted, codec: encoded.codec } };
  }
  const [height, width, channels] = nodes[0]!.tensor.shape as [number, number, number];
  try {
    const size = { height, width, channels };
    const file =
      canvas !== null && channels === 3
        ? await encodeCanvas(canvas, codec, quality)
        : await encodeImageFile(tensor.values, size, metadata.input.range, codec, quality);
    return { ...encodeImage(name, codec, file), codec: wanted };
  } catch (thrown) {
    // An image that cannot be made a file still has its pixels.
    console.warn(`${codec}: ${toEddiError(thrown).message}`);
    return asUsual(name, tensor, deflate);
  }
}

function asUsual(
  name: string,
  { shape, values }: TensorValues,
  deflate: boolean,
): Omit<EncodedTensor, "codec"> & { readonly codec: WireCodec } {
  return { ...encodeTensor(name, shape, values, "uint8"), codec: { ...USUAL_CODEC, deflate } };
}

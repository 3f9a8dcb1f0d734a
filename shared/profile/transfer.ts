import { anyCodec, CODECS, type CodecName, type CodecTime } from "#shared/codecs";
import type { Role } from "./role.ts";

/**
 * What it costs one device to hand a tensor over. Of heads: to read it back from the backend, to encode it, and to
 * deflate the request. Of tails: to inflate the request, to decode the tensor, and to upload it to the backend.
 */
export interface Transfer extends ByteTime {
  readonly codecs: Readonly<Record<CodecName, CodecTime>>;
  /** By byte as it is before, or after: inflated. */
  readonly deflate: ByteTime;
}

/** Of reading back or uploading: by byte of the tensor as float32. */
export interface ByteTime {
  readonly perTensorMs: number;
  readonly perByteMs: number;
}

/** Milliseconds to read a tensor back, or to upload it. */
export function moveMs({ perTensorMs, perByteMs }: ByteTime, elements: number): number {
  return perTensorMs + 4 * elements * perByteMs;
}

/** Milliseconds to encode or to decode a tensor. */
export function codecMs({ codecs }: Transfer, codec: CodecName, elements: number): number {
  const { perTensorMs, perElementMs } = codecs[codec];
  return perTensorMs + elements * perElementMs;
}

/** Milliseconds to deflate so many bytes, or to inflate what becomes as many. */
export function deflateMs({ deflate }: Transfer, bytes: number): number {
  return deflate.perTensorMs + bytes * deflate.perByteMs;
}

/** The same transfer on a device so many times as slow. */
export function scaleTransfer(transfer: Transfer, by: number): Transfer {
  return mapTransfer((read) => by * read(transfer));
}

/** A transfer of which every number is what `value` makes of it, given how to read it from any other. */
export function mapTransfer(value: (read: (transfer: Transfer) => number) => number): Transfer {
  return {
    perTensorMs: value(({ perTensorMs }) => perTensorMs),
    perByteMs: value(({ perByteMs }) => perByteMs),
    codecs: byCodec((codec) => ({
      perTensorMs: value(({ codecs }) => codecs[codec].perTensorMs),
      perElementMs: value(({ codecs }) => codecs[codec].perElementMs),
    })),
    deflate: {
      perTensorMs: value(({ deflate }) => deflate.perTensorMs),
      perByteMs: value(({ deflate }) => deflate.perByteMs),
    },
  };
}

/** What was measured before there were all codecs. */
export type PartialTransfer = ByteTime & {
  readonly codecs: Pick<Transfer["codecs"], "uint8"> & Partial<Transfer["codecs"]>;
  readonly deflate?: ByteTime;
};

/** What was not measured is as usual, on a device whose uint8 is as much faster or slower than the usual one's. */
export function completeTransfer(measured: PartialTransfer, role: Role): Transfer {
  const usual = USUAL_TRANSFERS[role];
  const pace = measured.codecs.uint8.perElementMs / usual.codecs.uint8.perElementMs;
  const rest = scaleTransfer(usual, pace);
  return { ...rest, ...measured, codecs: { ...rest.codecs, ...measured.codecs } };
}

/** Before anything was measured: WASM on one core of an EPYC; of codecs what each says itself. */
export const USUAL_TRANSFERS: Readonly<Record<Role, Transfer>> = {
  head: {
    perTensorMs: 0.01,
    perByteMs: 3e-7,
    codecs: usualCodecs("encode"),
    deflate: { perTensorMs: 0.05, perByteMs: 4e-5 },
  },
  tail: {
    perTensorMs: 0.01,
    perByteMs: 3e-7,
    codecs: usualCodecs("decode"),
    deflate: { perTensorMs: 0.05, perByteMs: 4e-6 },
  },
};

function usualCodecs(way: "encode" | "decode"): Transfer["codecs"] {
  return byCodec((codec) => anyCodec(codec).usual[way]);
}

function byCodec(timeOf: (codec: CodecName) => CodecTime): Transfer["codecs"] {
  const times = CODECS.map((codec) => [codec, timeOf(codec)] as const);
  return Object.fromEntries(times) as Record<CodecName, CodecTime>;
}

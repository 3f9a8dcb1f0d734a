/** How cut tensors travel. */
export type Codec = "uint8" | "float32";

export const BYTES_PER_ELEMENT: Readonly<Record<Codec, number>> = { uint8: 1, float32: 4 };

/**
 * What it costs one device to hand a tensor over. Of heads: to read it back from the backend, then to encode
 * it. Of tails: to decode it, then to upload it to the backend.
 */
export interface Transfer extends MoveCost {
  readonly codecs: Readonly<Record<Codec, CodecCost>>;
}

/** Of reading back or uploading. */
export interface MoveCost {
  readonly perTensorMs: number;
  /** By byte of the tensor as float32. */
  readonly perByteMs: number;
}

/** Of encoding or decoding. */
export interface CodecCost {
  readonly perTensorMs: number;
  readonly perElementMs: number;
}

/** Milliseconds to read a tensor back, or to upload it. */
export function moveMs({ perTensorMs, perByteMs }: MoveCost, elements: number): number {
  return perTensorMs + 4 * elements * perByteMs;
}

/** Milliseconds to encode or to decode a tensor. */
export function codecMs({ codecs }: Transfer, codec: Codec, elements: number): number {
  const { perTensorMs, perElementMs } = codecs[codec];
  return perTensorMs + elements * perElementMs;
}

/** The same transfer on a device so many times as slow. */
export function scaleTransfer(transfer: Transfer, by: number): Transfer {
  const scaled = ({ perTensorMs, perElementMs }: CodecCost): CodecCost => ({
    perTensorMs: by * perTensorMs,
    perElementMs: by * perElementMs,
  });
  const { uint8, float32 } = transfer.codecs;
  return {
    perTensorMs: by * transfer.perTensorMs,
    perByteMs: by * transfer.perByteMs,
    codecs: { uint8: scaled(uint8), float32: scaled(float32) },
  };
}

/** Before anything was measured: WASM, `#shared/protocol`'s codecs and Node 20 on one core of an EPYC. */
export const USUAL_TRANSFER: Transfer = {
  perTensorMs: 0.01,
  perByteMs: 3e-7,
  codecs: {
    uint8: { perTensorMs: 0.01, perElementMs: 6e-6 },
    float32: { perTensorMs: 0.01, perElementMs: 4e-6 },
  },
};

import { deflateSync, inflateSync } from "node:zlib";
import { IMAGE_CODECS, type ImageCodecName } from "#shared/codecs";
import { USUAL_QUALITY } from "#shared/model";
import type { ImageSize, Role, Stopwatch, TransferWatch } from "#shared/profile";
import { codecJob, deflateSample, imageSample } from "#shared/protocol";
import { type SegmentModel, timeInside, timeReadBack, timeUpload, timeWhole } from "#shared/runtime";
import { decodeImageFile, encodeImageFile } from "../data/image-file.ts";

const now = (): number => performance.now();

/** Times what this process' backend does as edge and service do it. */
export function stopwatch(segments: SegmentModel, role: Role): Stopwatch {
  const move = role === "head" ? timeReadBack : timeUpload;
  return {
    whole: (segment, runs) => timeWhole(segments, segment, runs, now),
    inside: (segment, runs) => timeInside(segments, segment, runs, now),
    move: (elements, runs) => move(elements, runs, now),
    ...codingWatch(role),
  };
}

/** Times what is done to a tensor before it is on a backend, or after. */
export function codingWatch(role: Role): Omit<TransferWatch, "move"> {
  return {
    code: (codec, elements, runs) => {
      const job = codecJob(codec, elements);
      return repeated(async () => (role === "head" ? job.encode() : job.decode()))(runs);
    },
    deflate: (bytes, runs) => {
      const sample = deflateSample(bytes);
      const deflated = deflateSync(sample);
      return repeated(async () => (role === "head" ? deflateSync(sample) : inflateSync(deflated)))(runs);
    },
    image: async (codec, size, runs) => {
      const encode = imageEncoder(codec, size);
      const file = await encode();
      return repeated(role === "head" ? encode : () => decodeImageFile(file, size.channels))(runs);
    },
    imageCodecs: IMAGE_CODECS,
  };
}

/** A browser's encoder, as far as the same library with the same settings is one. */
function imageEncoder(
  codec: ImageCodecName,
  { height, width, channels }: ImageSize,
): () => Promise<Uint8Array> {
  const pixels = imageSample(Math.max(height, width), channels).subarray(0, height * width * channels);
  return () => encodeImageFile(pixels, { height, width, channels }, codec, USUAL_QUALITY);
}

/** @returns times so many runs of a job in a row: milliseconds of one */
export function repeated(job: () => Promise<unknown>): (runs: number) => Promise<number> {
  return async (runs) => {
    const start = now();
    for (let i = 0; i < runs; i++) await job();
    return (now() - start) / runs;
  };
}

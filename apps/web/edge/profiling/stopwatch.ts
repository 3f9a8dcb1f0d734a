import type { ImageCodecName } from "#shared/codecs";
import { elementCount, USUAL_QUALITY } from "#shared/model";
import type { Stopwatch } from "#shared/profile";
import { codecJob, deflateSample, imageSample } from "#shared/protocol";
import { canvasOf, encodeCanvas, encodeImageFile, toPixels } from "../../image/encode-image.ts";
import { deflate } from "../cloud/deflate.ts";
import type { Engine } from "../engine/engine.ts";
import { loadEngines } from "../engine/load-engines.ts";

const now = (): number => performance.now();

/**
 * Times heads on the engine, each timing alone on it; without any slow-down.
 *
 * @param imageCodecs those that this browser can write
 */
export function engineStopwatch(
  engine: Pick<Engine, "measure">,
  imageCodecs: readonly ImageCodecName[],
): Stopwatch {
  return {
    whole: async (segment, runs) => {
      const { timeWhole } = await loadEngines();
      return engine.measure((segments) => timeWhole(segments, segment, runs, now));
    },
    inside: async (segment, runs) => {
      const { timeInside } = await loadEngines();
      return engine.measure((segments) => timeInside(segments, segment, runs, now));
    },
    move: async (elements, runs) => {
      const { timeReadBack } = await loadEngines();
      return engine.measure(() => timeReadBack(elements, runs, now));
    },
    code: async (codec, elements, runs) => {
      const job = codecJob(codec, elements);
      return repeated(runs, async () => job.encode());
    },
    deflate: (bytes, runs) => {
      const sample = deflateSample(bytes);
      return repeated(runs, () => deflate(sample));
    },
    image: (codec, size, runs) => {
      const { height, width, channels } = size;
      const pixels = imageSample(Math.max(height, width), channels);
      const values = Float32Array.from(pixels.subarray(0, elementCount([height, width, channels])));
      if (channels !== 3) {
        return repeated(runs, () => encodeImageFile(values, size, [0, 255], codec, USUAL_QUALITY));
      }
      const drawn = toPixels(values, size, [0, 255]);
      // Each photo has a canvas of its own: the first file of one takes longer.
      return repeated(runs, () => encodeCanvas(canvasOf(drawn), codec, USUAL_QUALITY));
    },
    imageCodecs,
  };
}

/** @returns milliseconds of one of so many runs in a row */
async function repeated(runs: number, job: () => Promise<unknown>): Promise<number> {
  const start = now();
  for (let i = 0; i < runs; i++) await job();
  return (now() - start) / runs;
}

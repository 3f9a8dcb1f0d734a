import {
  CODECS,
  type CodecName,
  type CodecTime,
  IMAGE_CODECS,
  type ImageCodecName,
  TENSOR_CODECS,
  type TensorCodecName,
} from "#shared/codecs";
import { elementCount, type Model } from "#shared/model";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import type { Role } from "./role.ts";
import { quantile, type Timed } from "./rounds.ts";
import { completeTransfer, type Transfer } from "./transfer.ts";

/** Times the handing over of tensors: milliseconds of one of so many runs. */
export interface TransferWatch {
  /** Reads back (heads) or uploads (tails) tensors of a size, one after another. */
  readonly move: (elements: number, runs: number) => Promise<number>;
  /** Encodes (heads) or decodes (tails). */
  readonly code: (codec: TensorCodecName, elements: number, runs: number) => Promise<number>;
  /** Deflates (heads) or inflates (tails) so many bytes. */
  readonly deflate: (bytes: number, runs: number) => Promise<number>;
  /** Encodes or decodes an image; of codecs among `imageCodecs`. */
  readonly image: (codec: ImageCodecName, size: ImageSize, runs: number) => Promise<number>;
  /** What this device can encode, or decode. */
  readonly imageCodecs: readonly ImageCodecName[];
}

export interface ImageSize {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Something to time in rounds, and what follows from the timings. */
export interface Jobs<Result> {
  readonly jobs: readonly Timed[];
  readonly result: (timings: readonly (readonly number[])[]) => Result;
}

/** Times transfers of several sizes, and fits straight lines to the medians. */
export function transferJobs(model: Model, role: Role, watch: TransferWatch): Jobs<Transfer> {
  const elements = sizes(model.nodes.map((node) => elementCount(node.tensor.shape)));
  // Codecs are steady: two sizes are enough, and leave more of a short profiling to the rest.
  const two = [elements[Math.min(1, elements.length - 1)]!, elements.at(-1)!];
  const images = imageSizes(model);
  const kinds = [
    ...elements.map((count) => ({ kind: "move", count, time: (runs: number) => watch.move(count, runs) })),
    ...[...new Set(two)].flatMap((count) => [
      ...TENSOR_CODECS.map((codec) => ({
        kind: codec,
        count,
        time: (runs: number) => watch.code(codec, count, runs),
      })),
      { kind: "deflate", count, time: (runs: number) => watch.deflate(count, runs) },
    ]),
    ...images.flatMap((size) =>
      IMAGE_CODECS.filter((codec) => watch.imageCodecs.includes(codec)).map((codec) => ({
        kind: codec,
        count: elementCount([size.height, size.width, size.channels]),
        time: (runs: number) => watch.image(codec, size, runs),
      })),
    ),
  ];
  return {
    jobs: kinds.map(({ time }) => time),
    result: (timings) => {
      const lineOf = (wanted: string): Line => {
        const places = kinds.flatMap(({ kind }, at) => (kind === wanted ? [at] : []));
        const xs = places.map((at) => kinds[at]!.count);
        const share = IN_OTHER_THREADS.includes(wanted) ? 0.25 : 0.5;
        return line(
          xs,
          places.map((at) => quantile(timings[at]!, share)),
        );
      };
      const [moved, deflated] = [lineOf("move"), lineOf("deflate")];
      const timed = CODECS.filter((codec) => kinds.some(({ kind }) => kind === codec));
      const codecs = timed.map((codec): [CodecName, CodecTime] => {
        const { at0, slope } = lineOf(codec);
        return [codec, { perTensorMs: at0, perElementMs: slope }];
      });
      const measured = {
        perTensorMs: moved.at0,
        perByteMs: moved.slope / 4,
        codecs: Object.fromEntries(codecs) as Record<CodecName, CodecTime>,
        deflate: { perTensorMs: deflated.at0, perByteMs: deflated.slope },
      };
      return completeTransfer(measured, role);
    },
  };
}

/** Sizes that stand for a model's tensors: the least, the greatest, and two between. */
function sizes(elements: readonly number[]): readonly number[] {
  const least = Math.max(1, Math.min(...elements));
  const most = Math.max(least, ...elements);
  const between = [1 / 2, 3 / 4].map((share) => Math.round(least * (most / least) ** share));
  return [...new Set([least, ...between, most])];
}

/** The model's image, and one of half its sides. */
function imageSizes(model: Model): readonly ImageSize[] {
  const [height, width, channels] = model.nodes[0]!.tensor.shape as [number, number, number];
  const half = (side: number): number => Math.ceil(side / 2);
  return [
    { height: half(height), width: half(width), channels },
    { height, width, channels },
  ];
}

interface Line {
  readonly at0: number;
  readonly slope: number;
}

/** The straight line of least relative errors that neither starts below 0 nor falls. */
function line(xs: readonly number[], ys: readonly number[]): Line {
  const weights = ys.map((y) => 1 / Math.max(y, LEAST_MS));
  const [at0, slope] = nonNegativeLeastSquares(
    xs.map((x) => [1, x]),
    ys,
    weights,
  );
  return { at0: at0!, slope: slope! };
}

/** What is done by other threads is often held up and never hastened: there the lower quartile says more. */
const IN_OTHER_THREADS: readonly string[] = ["deflate", ...IMAGE_CODECS];

/** Of shorter times the relative error says nothing. */
const LEAST_MS = 1e-3;

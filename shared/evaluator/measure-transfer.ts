import { elementCount, type Model } from "#shared/model";
import { nonNegativeLeastSquares } from "./least-squares.ts";
import { quantile, type Timed } from "./rounds.ts";
import type { Codec, Transfer } from "./transfer.ts";

/** Times the handing over of tensors. */
export interface TransferWatch {
  /** Reads back (heads) or uploads (tails) so many tensors of a size, one after another: ms of one. */
  readonly move: (elements: number, runs: number) => Promise<number>;
  /** Encodes (heads) or decodes (tails) so many. */
  readonly code: (codec: Codec, elements: number, runs: number) => Promise<number>;
}

/** Something to time in rounds, and what follows from the timings. */
export interface Jobs<Result> {
  readonly jobs: readonly Timed[];
  readonly result: (timings: readonly (readonly number[])[]) => Result;
}

/** Times transfers of several sizes, and fits straight lines to the medians. */
export function transferJobs(model: Model, { move, code }: TransferWatch): Jobs<Transfer> {
  const elements = sizes(model.nodes.map((node) => elementCount(node.tensor.shape)));
  const kinds = [
    move,
    (count: number, runs: number) => code("uint8", count, runs),
    (count: number, runs: number) => code("float32", count, runs),
  ];
  return {
    jobs: kinds.flatMap((kind) => elements.map((count) => (runs: number) => kind(count, runs))),
    result: (timings) => {
      const medians = timings.map((one) => quantile(one, 0.5));
      const [moved, uint8, float32] = kinds.map((_, at) =>
        line(elements, medians.slice(at * elements.length, (at + 1) * elements.length)),
      );
      return {
        perTensorMs: moved!.at0,
        perByteMs: moved!.slope / 4,
        codecs: {
          uint8: { perTensorMs: uint8!.at0, perElementMs: uint8!.slope },
          float32: { perTensorMs: float32!.at0, perElementMs: float32!.slope },
        },
      };
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

/** The straight line of least relative errors that neither starts below 0 nor falls. */
function line(
  xs: readonly number[],
  ys: readonly number[],
): { readonly at0: number; readonly slope: number } {
  const weights = ys.map((y) => 1 / Math.max(y, LEAST_MS));
  const [at0, slope] = nonNegativeLeastSquares(
    xs.map((x) => [1, x]),
    ys,
    weights,
  );
  return { at0: at0!, slope: slope! };
}

/** Of shorter times the relative error says nothing. */
const LEAST_MS = 1e-3;

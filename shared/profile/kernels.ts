import { nonNegativeLeastSquares } from "./least-squares.ts";
import type { KernelKind, Work } from "./work.ts";

/** What a node's work takes on a device: a time for each feature of it. */
export type Kernels = Readonly<Record<Feature, number>>;

/**
 * Of a node: its multiply-accumulates by kind of kernel, the values that it moves, and 1 for being called,
 * which costs something else for kernels that multiply than for others. Matrix products count as pointwise
 * convolutions, which they are: those of classifiers are too small to show a pace of their own.
 */
export type Feature = Exclude<KernelKind, "dense"> | "moved" | "kernel";

export const FEATURES: readonly Feature[] = ["conv", "pointwise", "depthwise", "moved", "kernel", "plain"];

/** Nodes that were timed together. */
export interface TimedNodes {
  readonly nodes: readonly Work[];
  readonly ms: number;
}

/**
 * Fits times of features to times of blocks by least squares of their relative errors. None is negative, so
 * no prediction is: a kind that does not occur gets 0.
 */
export function fitKernels(blocks: readonly TimedNodes[]): Kernels {
  const rows = blocks.map(({ nodes }) =>
    FEATURES.map((feature) => nodes.reduce((sum, node) => sum + featureOf(node, feature), 0)),
  );
  const times = blocks.map(({ ms }) => ms);
  // Relative to a block's time, but the shortest, which are mostly noise, must not outweigh all others.
  const least = LEAST_SHARE * (times.reduce((sum, ms) => sum + ms, 0) / Math.max(times.length, 1));
  const weights = times.map((ms) => 1 / Math.max(ms, least, 1e-9));
  const fitted = nonNegativeLeastSquares(rows, times, weights);
  return Object.fromEntries(FEATURES.map((feature, at) => [feature, fitted[at] ?? 0])) as Record<
    Feature,
    number
  >;
}

/** The time of one node. */
export function kernelMs(kernels: Kernels, work: Work): number {
  return FEATURES.reduce((sum, feature) => sum + kernels[feature] * featureOf(work, feature), 0);
}

function featureOf({ kind, macs, moved }: Work, feature: Feature): number {
  if (feature === "moved") return moved;
  if (feature === "kernel") return kind === "plain" ? 0 : 1;
  if (feature === "plain") return kind === "plain" ? 1 : 0;
  return (kind === "dense" ? "pointwise" : kind) === feature ? macs : 0;
}

const LEAST_SHARE = 0.1;

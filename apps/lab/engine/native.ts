import { createRequire } from "node:module";
import util from "node:util";
import type * as tfTypes from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";

export type Tf = typeof tfTypes;

/** An attribute of a TensorFlow operation, as the addon wants it. */
export interface OpAttr {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The part of tfjs-node's backend that calls a TensorFlow operation by name. */
export interface NativeBackend {
  readonly binding: Readonly<
    Record<"TF_ATTR_FLOAT" | "TF_ATTR_STRING" | "TF_ATTR_BOOL" | "TF_ATTR_TYPE" | "TF_FLOAT", number>
  >;
  executeMultipleOutputs(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly tfTypes.Tensor[],
    outputs: number,
  ): tfTypes.Tensor[];
  executeSingleOutput(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly tfTypes.Tensor[],
  ): tfTypes.Tensor;
}

const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];

/**
 * TF.js on its native TensorFlow backend; the GPU build first where it is installed.
 *
 * @throws EddiError `unavailable`, saying how to get it, when neither package loads
 */
export function loadNativeTf(): Tf {
  const tf = findNativeTf();
  if (tf) return tf;
  throw new EddiError(
    "unavailable",
    "training and export need the native backend @tensorflow/tfjs-node, which is not installed or not built: " +
      "run `npm install` where storage.googleapis.com can be reached, or let TFJS_NODE_CDN_STORAGE name a mirror",
  );
}

/** The same, or null where there is none. */
export function findNativeTf(): Tf | null {
  const require = createRequire(import.meta.url);
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "3";
  // TensorFlow leaves oneDNN off on CPUs without AVX-512, where it still makes training 1.5 times faster.
  process.env.TF_ENABLE_ONEDNN_OPTS ??= "1";
  // With AVX-512, oneDNN's gradient of a convolution kernel overwrites the heap on some EPYCs (TensorFlow 2.21)
  // where a layer has not a multiple of 16 channels; `lab train` lifts this where all have.
  process.env.ONEDNN_MAX_CPU_ISA ??= "AVX2";
  // The addon's kernels call a function which Node 23 removed.
  (util as { isNullOrUndefined?: (value: unknown) => boolean }).isNullOrUndefined ??= (value) =>
    value == null;
  for (const name of PACKAGES) {
    try {
      return require(name) as Tf;
    } catch {
      // Not installed, or installed without its addon: try the next.
    }
  }
  return null;
}

/** @throws EddiError `unavailable` when the current backend is not the native one */
export function nativeBackend(tf: Tf): NativeBackend {
  if (tf.getBackend() !== "tensorflow") {
    throw new EddiError("unavailable", `expected the native backend "tensorflow", got "${tf.getBackend()}"`);
  }
  return tf.backend() as unknown as NativeBackend;
}

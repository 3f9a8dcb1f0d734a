import type * as tfTypes from "@tensorflow/tfjs";
import { EddiError } from "#shared/errors";
import { type NativePackage, requireNative, setTensorFlowDefaults } from "../../engines/index.ts";

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

const PACKAGES: readonly NativePackage[] = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"];

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
  setTensorFlowDefaults("training");
  for (const name of PACKAGES) {
    try {
      return requireNative(name) as Tf;
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

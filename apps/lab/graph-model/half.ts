import { fromFloat16, toFloat16 } from "#shared/codecs";
import type { Constant } from "./node-def.ts";

/** In the weights manifest. */
const FLOAT16 = { dtype: "float16", original_dtype: "float32" } as const;

/**
 * A constant stored in half precision, its values as they are read back. It stays as it is when it holds no
 * float32, is stored in some way already, or has a value beyond 65504.
 */
export function inHalf(constant: Constant): Constant {
  const { values, stored } = constant;
  const bytes = values instanceof Float32Array && stored === undefined ? toFloat16(values) : null;
  if (bytes === null) return constant;
  return { ...constant, values: fromFloat16(bytes), stored: { bytes, quantization: FLOAT16 } };
}

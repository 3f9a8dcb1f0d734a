import { fromFloat16 } from "#shared/codecs";
import { EddiError } from "#shared/errors";
import {
  elementCount,
  type Model,
  type Segment,
  type Shard,
  shardsFor,
  type WeightSpec,
} from "#shared/model";

/** A constant of the model. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}

/** A shard's bytes by its path, as they were verified; undefined where they are not there. */
export type BytesOf = (path: string) => Uint8Array | undefined;

/** Bytes of one stored value. */
const WIDTHS: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  float16: 2,
  uint16: 2,
  bool: 1,
  uint8: 1,
};

/**
 * The constants that a segment's nodes have, by name.
 *
 * @throws EddiError `bad-weights` when a shard is missing
 */
export function weightsOf(model: Model, { nodes }: Segment, bytesOf: BytesOf): ReadonlyMap<string, Weight> {
  const found = new Map<string, Weight>();
  for (const shard of shardsFor(model, nodes)) {
    const bytes = bytesOf(shard.path);
    if (bytes === undefined) {
      throw new EddiError("bad-weights", `${shard.path}: expected its weights, not loaded`);
    }
    for (const [name, weight] of readWeights(shard, bytes)) found.set(name, weight);
  }
  return found;
}

/**
 * The weights that lie in a shard, without a backend of TF.js.
 *
 * @param bytes all of the shard
 * @throws EddiError `bad-weights` where they are stored in a way that we do not know
 */
function readWeights({ path, weights }: Shard, bytes: Uint8Array): ReadonlyMap<string, Weight> {
  const found = new Map<string, Weight>();
  let from = 0;
  for (const spec of weights) {
    const stored = spec.quantization?.dtype ?? spec.dtype;
    const width = WIDTHS[stored];
    if (width === undefined) {
      const expected = Object.keys(WIDTHS).join(", ");
      throw new EddiError("bad-weights", `${path}, ${spec.name}: expected ${expected}, got ${stored}`);
    }
    const to = from + width * elementCount(spec.shape);
    // A copy, so that it begins where wide values may.
    const own = new Uint8Array(bytes.subarray(from, to));
    found.set(spec.name, { shape: spec.shape, values: valuesOf(spec, stored, own) });
    from = to;
  }
  return found;
}

function valuesOf({ dtype, quantization }: WeightSpec, stored: string, data: Uint8Array): Weight["values"] {
  if (stored === "float16") return fromFloat16(data);
  if (stored === "float32") return new Float32Array(data.buffer);
  if (stored === "int32") return new Int32Array(data.buffer);
  const whole = stored === "uint16" ? new Uint16Array(data.buffer) : data;
  if (stored === "bool") return Int32Array.from(whole);
  const { scale = 1, min = 0 } = quantization as { readonly scale?: number; readonly min?: number };
  if (dtype === "int32") return Int32Array.from(whole, (value) => Math.round(value * scale + min));
  return Float32Array.from(whole, (value) => value * scale + min);
}

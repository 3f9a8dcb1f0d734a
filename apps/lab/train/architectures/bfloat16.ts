import type { Tensor, Tensor4D } from "@tensorflow/tfjs";
import { hasInstructions } from "../../../engines/index.ts";
import { type NativeBackend, nativeBackend, type OpAttr, type Tf } from "../../engine/native.ts";

/** TF_BFLOAT16 of TensorFlow's C API. */
const BFLOAT16 = 14;

/** What a tensor's handle in the addon tells; the rest of TF.js knows it by its `dataId`. */
interface OutputMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

interface PatchableBackend extends NativeBackend {
  createOutputTensor(metadata: OutputMetadata): Tensor;
}

/** Data that TF.js takes for float32 and TensorFlow holds as bfloat16. */
const narrowed = new WeakSet<object>();

const patched = new WeakSet<object>();

/** Whether this processor multiplies bfloat16 as such (Linux tells); without that it is slower than float32. */
export function hasBfloat16(): boolean {
  return hasInstructions(["avx512_bf16", "amx_bf16"]);
}

/**
 * The same values as bfloat16: 8 bits of exponent, 8 of precision. To TF.js it stays a float32 tensor, so that its
 * kernels and gradients work on it as they are, on the native backend; all float inputs of an operation must then be
 * narrow, but for the statistics of a normalisation. Its values cannot be read before `widen`.
 *
 * @param x float32 of any shape; differentiable
 */
export function narrow<T extends Tensor>(tf: Tf, x: T): T {
  if (isNarrow(x)) return x;
  patch(tf);
  const op = tf.customGrad((...args) => {
    const [wide] = args as unknown as [Tensor];
    return { value: cast(tf, wide, BFLOAT16), gradFunc: (dy: Tensor) => widen(tf, dy) };
  });
  return op(x) as T;
}

/** The same values as float32; what is so already is given back. Differentiable. */
export function widen<T extends Tensor>(tf: Tf, x: T): T {
  if (!isNarrow(x)) return x;
  const { TF_FLOAT } = nativeBackend(tf).binding;
  const op = tf.customGrad((...args) => {
    const [thin] = args as unknown as [Tensor];
    return { value: cast(tf, thin, TF_FLOAT), gradFunc: (dy: Tensor) => narrow(tf, dy) };
  });
  return op(x) as T;
}

/** As narrow as the other one. */
export function asNarrowAs<T extends Tensor>(tf: Tf, x: T, other: Tensor): T {
  return isNarrow(other) ? narrow(tf, x) : x;
}

/** Channels of an input that a convolution in bfloat16 takes so many at a time. */
const CHANNELS_AT_A_TIME = 32;

/**
 * A convolution whose result is as narrow as its input. In bfloat16 oneDNN (TensorFlow 2.21) reads beside an input whose
 * channels are not a multiple of 32: of 3 strided ones the result is wrong, of 48 the input's gradient; those are
 * computed in float32.
 *
 * @param x       [batch, height, width, channels]
 * @param kernel  float32 [height, width, channels, filters]
 */
export function convolveLike(
  tf: Tf,
  x: Tensor4D,
  kernel: Tensor4D,
  convolve: (x: Tensor4D, kernel: Tensor4D) => Tensor4D,
): Tensor4D {
  if (x.shape[3] % CHANNELS_AT_A_TIME === 0) return convolve(x, asNarrowAs(tf, kernel, x));
  return asNarrowAs(tf, convolve(widen(tf, x), kernel), x);
}

function isNarrow(x: Tensor): boolean {
  return narrowed.has(x.dataId);
}

function cast(tf: Tf, x: Tensor, to: number): Tensor {
  const backend = nativeBackend(tf);
  const { TF_ATTR_TYPE, TF_ATTR_BOOL, TF_FLOAT } = backend.binding;
  const attrs: OpAttr[] = [
    { name: "SrcT", type: TF_ATTR_TYPE, value: to === BFLOAT16 ? TF_FLOAT : BFLOAT16 },
    { name: "DstT", type: TF_ATTR_TYPE, value: to },
    { name: "Truncate", type: TF_ATTR_BOOL, value: false },
  ];
  return backend.executeSingleOutput("Cast", attrs, [x]);
}

/** Lets the backend hold bfloat16: what kernels say of the type of narrow inputs is put right. */
function patch(tf: Tf): void {
  const backend = nativeBackend(tf) as PatchableBackend;
  if (patched.has(backend)) return;
  patched.add(backend);
  const { TF_FLOAT } = backend.binding;
  const create = backend.createOutputTensor.bind(backend);
  const one = backend.executeSingleOutput.bind(backend);
  const several = backend.executeMultipleOutputs.bind(backend);
  const typed = (attrs: readonly OpAttr[], inputs: readonly Tensor[]): readonly OpAttr[] => {
    if (!inputs.some(isNarrow)) return attrs;
    // T is the type of the inputs; the gradient of a copy is a cast from float32 to itself.
    const isCopy = attrs.some(({ name, value }) => name === "SrcT" && value === TF_FLOAT);
    const isTheirs = ({ name, value }: OpAttr): boolean => value === TF_FLOAT && (name === "T" || isCopy);
    return attrs.map((attr) => (isTheirs(attr) ? { ...attr, value: BFLOAT16 } : attr));
  };
  backend.createOutputTensor = (metadata) => {
    if (metadata.dtype !== BFLOAT16) return create(metadata);
    const tensor = create({ ...metadata, dtype: TF_FLOAT });
    narrowed.add(tensor.dataId);
    return tensor;
  };
  backend.executeSingleOutput = (op, attrs, inputs) => one(op, typed(attrs, inputs), inputs);
  backend.executeMultipleOutputs = (op, attrs, inputs, outputs) =>
    several(op, typed(attrs, inputs), inputs, outputs);
}

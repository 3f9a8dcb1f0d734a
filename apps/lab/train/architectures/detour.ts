import type { layers, Shape, SymbolicTensor, Tensor, Tensor4D } from "@tensorflow/tfjs";
import type { Tf } from "../../engine/native.ts";

type Layer = layers.Layer;

type Map = readonly [height: number, width: number, channels: number];

/** The tensors that a codec which is trained along spans, by the names that they have when exported. */
export interface DetourSpan {
  /** What is encoded. */
  readonly tensor: string;
  /** What the decoder gives: its sides are those of the other, halved some times. */
  readonly replaces: string;
  /** The shapes of the one and of the other, for images of the architecture's size. */
  readonly from: Map;
  readonly to: Map;
  /** Whether what is decoded holds nothing below 0. */
  readonly isRectified: boolean;
}

/** Steers which way a network takes past the tensors that its codec spans. */
export interface DetourControl {
  /** Makes the later tensor of the earlier one, by the codec; null: it is what it is. */
  take: ((from: Tensor4D, to: Tensor4D) => Tensor4D) | null;
}

/** Makes the layers of which one may be replaced by a codec. Nothing of them is exported. */
export function detourMaker(
  tf: Tf,
  control: DetourControl,
): (from: SymbolicTensor, to: SymbolicTensor, name: string) => SymbolicTensor {
  class Detour extends tf.layers.Layer {
    static readonly className = "Detour";

    override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
      return (inputShape as Shape[])[0]!;
    }

    override call(inputs: Tensor | Tensor[]): Tensor {
      const [to, from] = inputs as [Tensor4D, Tensor4D];
      return control.take === null ? to : control.take(from, to);
    }
  }
  return (from, to, name) => {
    const layer: Layer = new Detour({ name });
    return layer.apply([to, from]) as SymbolicTensor;
  };
}

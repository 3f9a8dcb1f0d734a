import type { ModelInput } from "./metadata.ts";

/** Shape of one image: height, width, channels. */
export function imageShape({ height, width, channels = 3 }: ModelInput): readonly [number, number, number] {
  return [height, width, channels];
}

/** Weights of red, green and blue in a grey value: luma of ITU-R BT.601, as TensorFlow and PIL have it. */
export const LUMA = [0.299, 0.587, 0.114] as const;

/** The grey value of a pixel, in the unit of its colours. */
export function luma(red: number, green: number, blue: number): number {
  return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue;
}

/** How the axes of a value lie: as in TF.js, or of an image's maps [batch, channels, height, width], as ONNX wants it. */
export type Layout = "given" | "channels-first";

/** From [batch, height, width, channels], and back. */
export const TO_CHANNELS_FIRST = [0, 3, 1, 2] as const;
export const TO_CHANNELS_LAST = [0, 2, 3, 1] as const;

/** Where an axis of [batch, height, width, channels] lies when channels come first. */
export const axisIn = (layout: Layout, axis: number): number =>
  layout === "given" ? axis : TO_CHANNELS_FIRST.indexOf(axis as 0);

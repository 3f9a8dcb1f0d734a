/** Hues far apart for neighbours, in degrees; the ninth exit starts again. */
const HUES = [212, 28, 150, 285, 350, 185, 55, 320];

/**
 * The colour of an exit, as #rrggbb.
 *
 * @param exit      position among the model's exits
 * @param lightness 0..1
 */
export function exitColor(exit: number, lightness: number): string {
  const hue = HUES[exit % HUES.length]!;
  const strength = 0.62 * Math.min(lightness, 1 - lightness);
  const channel = (offset: number): string => {
    const k = (offset + hue / 30) % 12;
    const value = lightness - strength * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value)
      .toString(16)
      .padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

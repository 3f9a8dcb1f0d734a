/** Of what the page does for itself after a stage of a photo's way: 0 is decoding. */
export function stageKey(answer: number, stage: number): number {
  return 16 * answer + stage;
}

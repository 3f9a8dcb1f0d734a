/** Of what there is, in words: `FP32, FP16 or UINT8`. */
export function oneOf(names: readonly (string | number)[]): string {
  return [names.slice(0, -1).join(", "), names.at(-1)].filter((part) => part !== "").join(" or ");
}

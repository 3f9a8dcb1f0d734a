import { joinElements, type WireTensor } from "#shared/protocol";

/** Digits behind the point, as C++ prints a float in Triton. */
const DIGITS = 6;

/**
 * Triton's classification extension: the best classes of every image, best first, as `SCORE:INDEX:LABEL`.
 *
 * @param scores float32 [batch, labels], whatever they are; one for two labels is the second one's chance
 * @param count  classes wanted; all of them when there are fewer
 * @param isChoice whether an image has one score for two labels
 * @returns BYTES [batch, count]
 */
export function classify(
  name: string,
  scores: Float32Array,
  labels: readonly string[],
  count: number,
  isChoice: boolean,
): WireTensor {
  const wanted = Math.min(count, labels.length);
  const width = isChoice ? 1 : labels.length;
  const batch = scores.length / width;
  const elements: Uint8Array[] = [];
  for (let image = 0; image < batch; image++) {
    const given = scores.subarray(image * width, (image + 1) * width);
    const own = isChoice ? Float32Array.of(1 - given[0]!, given[0]!) : given;
    const best = [...own.keys()].sort((a, b) => own[b]! - own[a]!).slice(0, wanted);
    for (const at of best) {
      elements.push(new TextEncoder().encode(`${own[at]!.toFixed(DIGITS)}:${at}:${labels[at]}`));
    }
  }
  return { name, datatype: "BYTES", shape: [batch, wanted], data: joinElements(elements) };
}

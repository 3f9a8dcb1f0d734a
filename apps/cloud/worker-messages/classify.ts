import { joinElements, type WireTensor } from "#shared/protocol";

/** Digits behind the point, as C++ prints a float in Triton. */
const DIGITS = 6;

/**
 * Triton's classification extension: the best classes of every image, best first, as `SCORE:INDEX:LABEL`.
 *
 * @param scores float32 [batch, labels]
 * @param count  classes wanted; all of them when there are fewer
 * @returns BYTES [batch, count]
 */
export function classify(
  name: string,
  scores: Float32Array,
  labels: readonly string[],
  count: number,
): WireTensor {
  const wanted = Math.min(count, labels.length);
  const batch = scores.length / labels.length;
  const elements: Uint8Array[] = [];
  for (let image = 0; image < batch; image++) {
    const own = scores.subarray(image * labels.length, (image + 1) * labels.length);
    const best = [...own.keys()].sort((a, b) => own[b]! - own[a]!).slice(0, wanted);
    for (const at of best) {
      elements.push(new TextEncoder().encode(`${own[at]!.toFixed(DIGITS)}:${at}:${labels[at]}`));
    }
  }
  return { name, datatype: "BYTES", shape: [batch, wanted], data: joinElements(elements) };
}

/** What an engine computes in: float32, or mostly int8. */
export const PRECISIONS = ["fp32", "int8"] as const;
export type Precision = (typeof PRECISIONS)[number];

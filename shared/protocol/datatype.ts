/** The Open Inference Protocol's datatypes that we carry; elements of BYTES are of any length. */
const BYTES = { FP32: 4, FP16: 2, UINT8: 1, INT32: 4, BYTES: null } as const;

export type Datatype = keyof typeof BYTES;

export function isDatatype(value: unknown): value is Datatype {
  return typeof value === "string" && Object.hasOwn(BYTES, value);
}

/** @returns null for BYTES */
export function bytesPerElement(datatype: Datatype): number | null {
  return BYTES[datatype];
}

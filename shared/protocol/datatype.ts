import { type CodecDatatype, type JsonNumbers, TENSOR_CODECS, tensorCodec } from "#shared/codecs";

/** The Open Inference Protocol's datatypes that we carry: those of codecs, and what others ask for. */
export type Datatype = CodecDatatype | "INT32" | "BYTES";

/** Of one element; null for BYTES, whose elements are of any length. */
interface Elements {
  readonly bytes: number | null;
  readonly json: JsonNumbers | null;
}

const INT32: Elements = {
  bytes: 4,
  json: {
    integers: [-(2 ** 31), 2 ** 31 - 1],
    characters: 11,
    read: (numbers) => new Uint8Array(Int32Array.from(numbers).buffer),
    write: (data) => [...new Int32Array(new Uint8Array(data).buffer)],
  },
};

const ELEMENTS: ReadonlyMap<unknown, Elements> = new Map<Datatype, Elements>([
  ...TENSOR_CODECS.map((codec): [Datatype, Elements] => {
    const { datatype } = tensorCodec(codec);
    return [datatype.name, datatype];
  }),
  ["INT32", INT32],
  ["BYTES", { bytes: null, json: null }],
]);

export const DATATYPES = [...ELEMENTS.keys()] as readonly Datatype[];

export function isDatatype(value: unknown): value is Datatype {
  return ELEMENTS.has(value);
}

/** @returns null for BYTES */
export function bytesPerElement(datatype: Datatype): number | null {
  return ELEMENTS.get(datatype)!.bytes;
}

/** @returns null for what travels as binary alone, or is text */
export function jsonOf(datatype: Datatype): JsonNumbers | null {
  return ELEMENTS.get(datatype)!.json;
}

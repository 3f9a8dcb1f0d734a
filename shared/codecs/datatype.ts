/** A datatype of the Open Inference Protocol whose elements are all of one size. */
export interface Datatype<Name extends string = string> {
  readonly name: Name;
  readonly bytes: number;
  /** Null where elements travel as binary alone. */
  readonly json: JsonNumbers | null;
}

/** How elements stand in JSON. */
export interface JsonNumbers {
  /** The least and the greatest, of whole numbers; null where any number will do. */
  readonly integers: readonly [low: number, high: number] | null;
  /** About how many characters one takes, with its comma. */
  readonly characters: number;
  readonly read: (numbers: readonly number[]) => Uint8Array;
  /** @param data little-endian, anywhere in a buffer */
  readonly write: (data: Uint8Array) => number[];
}

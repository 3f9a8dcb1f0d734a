import { EddiError } from "#shared/errors";

/** Frequencies of a table add up to this. */
export const TOTAL = 1 << 12;

/** How probable each symbol is, as coder and decoder count it: integers, so that all machines agree. */
export interface SymbolTable {
  /** By symbol: its share of `TOTAL`, and that of all before it. */
  readonly frequencies: Uint16Array;
  readonly starts: Uint16Array;
  /** By number below `TOTAL`: the symbol in whose share it lies. */
  readonly symbols: Uint8Array;
}

/** The state lies in LOW..256 * LOW, which is the least and the most that `TOTAL` and whole bytes leave exact. */
const LOW = 1 << 23;

/** Bytes of the state at the end of a stream. */
export const STATE_BYTES = 4;

/**
 * Makes a table of symbols 0, 1, 2 ...
 *
 * @param frequencies 1 to 256 integers of 1 or more that add up to `TOTAL`
 * @throws EddiError `bad-model`
 */
export function symbolTable(frequencies: readonly number[]): SymbolTable {
  const sum = frequencies.reduce((total, share) => total + share, 0);
  const isRight = frequencies.every((share) => Number.isInteger(share) && share >= 1) && sum === TOTAL;
  if (!isRight || frequencies.length > 256) {
    const came = `${frequencies.length} that add up to ${sum}`;
    throw new EddiError(
      "bad-model",
      `symbol table: expected at most 256 integers of 1 or more that add up to ${TOTAL}, got ${came}`,
    );
  }
  const table = {
    frequencies: Uint16Array.from(frequencies),
    starts: new Uint16Array(frequencies.length),
    symbols: new Uint8Array(TOTAL),
  };
  let start = 0;
  for (const [symbol, share] of frequencies.entries()) {
    table.starts[symbol] = start;
    table.symbols.fill(symbol, start, start + share);
    start += share;
  }
  return table;
}

/**
 * Codes symbols by the range variant of asymmetric numeral systems (Duda 2013, arXiv:1311.2540), with a static table
 * for each: within a hundredth of their entropy, and four bytes.
 *
 * @param symbols each below the length of its table
 * @param tableOf by symbol: which of the tables
 */
export function encodeSymbols(
  symbols: Uint8Array,
  tableOf: Uint8Array,
  tables: readonly SymbolTable[],
): Uint8Array {
  // A state of 31 bits takes in at most 12 more for a symbol.
  const bytes = new Uint8Array(STATE_BYTES + 2 * symbols.length);
  let at = bytes.length;
  let state = LOW;
  // Backwards: the decoder takes from the state what was put there last.
  for (let i = symbols.length - 1; i >= 0; i--) {
    const table = tables[tableOf[i]!]!;
    const share = table.frequencies[symbols[i]!]!;
    const limit = (LOW / TOTAL) * 256 * share;
    while (state >= limit) {
      bytes[--at] = state & 255;
      state = Math.floor(state / 256);
    }
    state = Math.floor(state / share) * TOTAL + (state % share) + table.starts[symbols[i]!]!;
  }
  for (let byte = 0; byte < STATE_BYTES; byte++) {
    bytes[--at] = state & 255;
    state = Math.floor(state / 256);
  }
  return bytes.slice(at);
}

/**
 * Decodes what `encodeSymbols` made. Any bytes give symbols of their tables, or an error, in time that grows with
 * their number alone.
 *
 * @param tableOf by symbol: which of the tables; as many as there are symbols
 * @throws EddiError `bad-tensor` when the stream is not whole, has bytes left over or is another's
 */
export function decodeSymbols(
  bytes: Uint8Array,
  tableOf: Uint8Array,
  tables: readonly SymbolTable[],
): Uint8Array {
  const symbols = new Uint8Array(tableOf.length);
  const refuse = (came: string): never => {
    throw new EddiError("bad-tensor", `coded stream: expected one of ${tableOf.length} symbols, got ${came}`);
  };
  if (bytes.length < STATE_BYTES) refuse(`${bytes.length} bytes`);
  let state = ((bytes[0]! * 256 + bytes[1]!) * 256 + bytes[2]!) * 256 + bytes[3]!;
  if (state < LOW || state >= LOW * 256) refuse("no state at its beginning");
  let at = STATE_BYTES;
  for (let i = 0; i < symbols.length; i++) {
    const table = tables[tableOf[i]!]!;
    const place = state & (TOTAL - 1);
    const symbol = table.symbols[place]!;
    symbols[i] = symbol;
    state = table.frequencies[symbol]! * Math.floor(state / TOTAL) + place - table.starts[symbol]!;
    while (state < LOW) {
      if (at === bytes.length) refuse(`one that ends at symbol ${i}`);
      state = state * 256 + bytes[at++]!;
    }
  }
  if (at < bytes.length) refuse(`${bytes.length - at} bytes more`);
  if (state !== LOW) refuse("a damaged one, or one of another model or rate");
  return symbols;
}

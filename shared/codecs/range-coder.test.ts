import { expect, test } from "vitest";
import { EddiError } from "#shared/errors";
import { randomFrom } from "#shared/random";
import {
  decodeSymbols,
  encodeSymbols,
  STATE_BYTES,
  type SymbolTable,
  symbolTable,
  TOTAL,
} from "./range-coder.ts";

/** Frequencies that add up to `TOTAL`, from nearly even to nearly certain. */
function randomTable(random: () => number): SymbolTable {
  const count = 1 + Math.floor(random() ** 2 * 256);
  const sharpness = 1 + 30 * random() ** 3;
  const weights = Array.from({ length: count }, () => random() ** sharpness);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const spare = TOTAL - count;
  const shares = weights.map((weight) => 1 + Math.floor((weight / sum) * spare));
  shares[0]! += TOTAL - shares.reduce((total, share) => total + share, 0);
  return symbolTable(shares);
}

function drawn(table: SymbolTable, random: () => number): number {
  return table.symbols[Math.floor(random() * TOTAL)]!;
}

function randomStream(seed: number, most = 6000) {
  const random = randomFrom(seed);
  const tables = Array.from({ length: 1 + Math.floor(random() * 8) }, () => randomTable(random));
  const count = Math.floor(random() ** 2 * most);
  const tableOf = Uint8Array.from({ length: count }, () => Math.floor(random() * tables.length));
  const symbols = Uint8Array.from(tableOf, (table) => drawn(tables[table]!, random));
  return { tables, tableOf, symbols, random };
}

const bitsOf = ({
  tables,
  tableOf,
  symbols,
}: Pick<ReturnType<typeof randomStream>, "tables" | "tableOf" | "symbols">) =>
  symbols.reduce((sum, symbol, at) => sum - Math.log2(tables[tableOf[at]!]!.frequencies[symbol]! / TOTAL), 0);

test("what was coded is decoded, in hardly more bytes than its tables say", () => {
  for (let seed = 0; seed < 300; seed++) {
    const stream = randomStream(seed);
    const bytes = encodeSymbols(stream.symbols, stream.tableOf, stream.tables);
    expect(decodeSymbols(bytes, stream.tableOf, stream.tables), `seed ${seed}`).toEqual(stream.symbols);
    expect(bytes.length, `seed ${seed}`).toBeLessThanOrEqual(STATE_BYTES + 1 + (1.001 * bitsOf(stream)) / 8);
  }
});

test("nothing costs a state, and a certain symbol nothing", () => {
  const sure = symbolTable([TOTAL]);
  expect(encodeSymbols(new Uint8Array(), new Uint8Array(), []).length).toBe(STATE_BYTES);
  expect(encodeSymbols(new Uint8Array(5000), new Uint8Array(5000), [sure]).length).toBe(STATE_BYTES);
});

test("damaged streams give an error or symbols of their tables, never anything else", () => {
  let refused = 0;
  for (let seed = 0; seed < 10_000; seed++) {
    const { symbols, tableOf, tables, random } = randomStream(seed % 200, 400);
    for (let skip = 0; skip < seed / 200; skip++) random();
    const bytes = encodeSymbols(symbols, tableOf, tables);
    const at = Math.floor(random() * bytes.length);
    const damaged = [
      () => bytes.with(at, bytes[at]! ^ (1 << Math.floor(random() * 8))),
      () => bytes.slice(0, at),
      () => Uint8Array.from([...bytes, ...bytes.slice(at)]),
      () => bytes.map(() => 0),
      () => bytes.map(() => 255),
      () => bytes.map(() => Math.floor(random() * 256)),
    ][seed % 6]!();
    try {
      const decoded = decodeSymbols(damaged, tableOf, tables);
      decoded.forEach((symbol, i) => {
        if (symbol >= tables[tableOf[i]!]!.frequencies.length) expect.fail(`seed ${seed}: symbol ${symbol}`);
      });
    } catch (thrown) {
      expect(thrown, `seed ${seed}`).toBeInstanceOf(EddiError);
      expect((thrown as EddiError).code, `seed ${seed}`).toBe("bad-tensor");
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(9_800);
});

test("tables that do not add up, or have impossible symbols, are refused", () => {
  for (const wrong of [[], [TOTAL - 1], [TOTAL, 1], [TOTAL, 0], [0.5, TOTAL - 0.5], Array(257).fill(1)]) {
    expect(() => symbolTable(wrong), String(wrong).slice(0, 30)).toThrow(/symbol table: expected/);
  }
});

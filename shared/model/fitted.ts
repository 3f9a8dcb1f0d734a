import {
  FITTED_CODECS,
  type FittedCodecName,
  fromFloat16,
  type LinearCoder,
  type LinearRate,
  type LinearTransform,
  linearCoder,
  type SymbolTable,
  symbolTable,
  toFloat16,
} from "#shared/codecs";
import { EddiError } from "#shared/errors";
import { checkLosses, type Expect } from "./codecs.ts";

/**
 * A codec that `lab fit-codec` fitted to one tensor. Its numbers are a shard like those of weights, of three of them:
 * `mean`, `basis` and `tables`, see `fittedWeights`. It stands apart from `codecs`, so that readers who do not know it
 * read the rest.
 */
export interface FittedTensor {
  readonly codec: FittedCodecName;
  /** Path of the shard in the weights manifest. */
  readonly shard: string;
  /** Positions along a side of the blocks that are transformed. */
  readonly block: number;
  /** Directions that are kept. */
  readonly components: number;
  /** Coarsest first. As a codec's quality, a rate is its place in this list, from 1. */
  readonly rates: readonly FittedRate[];
  /** Of a learned codec: what is coded is another tensor, and what comes back stands for a third one. */
  readonly through?: Through;
}

/** Nodes of the file, see `Detour`. */
export interface Through {
  /** What is coded. */
  readonly latent: string;
  /** What the decoder makes of it: it stands for the tensor `replaces`. */
  readonly decoded: string;
  readonly replaces: string;
}

export interface FittedRate {
  /** What one whole number stands for. */
  readonly step: number;
  /** Of the tensor alone: mean over photos, and their standard deviation. */
  readonly bytes: number;
  readonly spread: number;
  /** As those of a `CodecCost`: on the photos to choose on, and on those that nothing was chosen on. */
  readonly loss: Readonly<Record<string, number>>;
  readonly reported?: Readonly<Record<string, number>>;
}

/** Components are counted in a byte by the coder, and so are a component's symbols. */
const MOST = 256;

/** The entries of the weights manifest that a fitted codec's shard has, in the order of its bytes. */
export function fittedWeights(
  name: string,
  size: number,
  components: number,
  tables: number,
): readonly FittedWeight[] {
  return [
    { name: `${name}/linear/mean`, shape: [size], dtype: "float32" },
    {
      name: `${name}/linear/basis`,
      shape: [components, size],
      dtype: "float32",
      quantization: { dtype: "float16" },
    },
    {
      name: `${name}/linear/tables`,
      shape: [tables],
      dtype: "int32",
      quantization: { dtype: "uint16", scale: 1, min: 0, original_dtype: "int32" },
    },
  ];
}

interface FittedWeight {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: "float32" | "int32";
  readonly quantization?: { readonly dtype: string; readonly [key: string]: unknown };
}

/** As metadata tell of it. */
interface CodedTensor {
  readonly shape: readonly number[];
  readonly range: readonly [number, number];
}

/** What the metadata says that this is checked against. */
interface Measured {
  readonly input: { readonly node: string };
  readonly tensors: Readonly<Record<string, CodedTensor>>;
  readonly shards: Readonly<Record<string, unknown>>;
}

/**
 * Checks the `fitted` of a model's metadata.
 *
 * @param exits  their ids
 */
export function checkFitted(
  value: unknown,
  { input, tensors, shards }: Measured,
  exits: readonly string[],
  expect: Expect,
): void {
  const isObject = (one: unknown): boolean => typeof one === "object" && one !== null && !Array.isArray(one);
  const isNumber = (one: unknown): one is number => Number.isFinite(one);
  expect(isObject(value), "fitted", "an object", value);
  for (const [name, fitted] of Object.entries(value as Record<string, FittedTensor>)) {
    const field = `fitted.${name}`;
    const isTensor = Object.hasOwn(tensors, name) && name !== input.node;
    expect(isTensor, field, "a tensor of the model, not its input", name);
    expect(isObject(fitted), field, "an object", fitted);
    const { codec, shard, block, components, rates, through } = fitted;
    expect(FITTED_CODECS.includes(codec), `${field}.codec`, `one of ${FITTED_CODECS.join(", ")}`, codec);
    expect(Object.hasOwn(shards, shard), `${field}.shard`, "a path in shards", shard);
    if (through !== undefined) checkThrough(through, `${field}.through`, tensors, expect);
    const { shape } = tensors[through?.latent ?? name]!;
    const fits =
      Number.isSafeInteger(block) &&
      block >= 1 &&
      (shape.length === 3 ? shape[0]! % block === 0 && shape[1]! % block === 0 : block === 1);
    expect(fits && [1, 3].includes(shape.length), `${field}.block`, `a block that divides [${shape}]`, block);
    const most = Math.min(MOST, block ** 2 * shape.at(-1)!);
    const isCount = Number.isSafeInteger(components) && components >= 1 && components <= most;
    expect(isCount, `${field}.components`, `1 to ${most}`, components);
    expect(Array.isArray(rates) && rates.length > 0, `${field}.rates`, "a non-empty array", rates);
    for (const [i, rate] of rates.entries()) {
      const place = `${field}.rates[${i}]`;
      expect(isObject(rate), place, "an object", rate);
      const { step, bytes, spread, loss, reported = {} } = rate;
      expect(isNumber(step) && step > 0, `${place}.step`, "a number above 0", step);
      expect(isNumber(bytes) && bytes > 0, `${place}.bytes`, "a number above 0", bytes);
      expect(isNumber(spread) && spread >= 0, `${place}.spread`, "a number of 0 or more", spread);
      for (const [name, losses] of Object.entries({ loss, reported }))
        checkLosses(losses, `${place}.${name}`, exits, expect);
    }
  }
}

function checkThrough(through: Through, field: string, tensors: Measured["tensors"], expect: Expect): void {
  expect(typeof through === "object" && through !== null, field, "an object", through);
  for (const part of ["latent", "decoded", "replaces"] as const) {
    const isTensor = Object.hasOwn(tensors, through[part]);
    expect(isTensor, `${field}.${part}`, "a name in tensors", through[part]);
  }
}

/**
 * The shard's bytes that `fittedCoders` reads: the mean as float32, the basis as float16, and tables of 16 bits a number;
 * by rate and component how many numbers lie below 0, how many symbols there are, and how often each.
 *
 * @param basis orthonormal, so that float16 holds it
 */
export function fittedBytes({ mean, basis }: LinearTransform, rates: readonly LinearRate[]): Uint8Array {
  const numbers = rates.flatMap(({ first, tables }) =>
    tables.flatMap(({ frequencies }, at) => [-first[at]!, frequencies.length, ...frequencies]),
  );
  const half = toFloat16(basis);
  if (half === null) throw new EddiError("internal", "basis: expected numbers of -1 to 1");
  const tables = Uint16Array.from(numbers);
  const bytes = new Uint8Array(mean.byteLength + half.byteLength + tables.byteLength);
  bytes.set(new Uint8Array(mean.buffer, mean.byteOffset, mean.byteLength));
  bytes.set(half, mean.byteLength);
  bytes.set(new Uint8Array(tables.buffer), mean.byteLength + half.byteLength);
  return bytes;
}

/**
 * The coders of a fitted codec, by its rates.
 *
 * @param name    of the tensor; of a learned codec the coders are of what its encoder makes of it
 * @param tensors of the metadata
 * @param bytes   of its shard, as they were verified
 * @throws EddiError `bad-model` for numbers that are not those of the codec that the metadata tells of
 */
export function fittedCoders(
  name: string,
  fitted: FittedTensor,
  tensors: Readonly<Record<string, CodedTensor>>,
  bytes: Uint8Array,
): readonly LinearCoder[] {
  const { block, components, rates, through } = fitted;
  const { shape, range } = tensors[through?.latent ?? name]!;
  const size = block ** 2 * shape.at(-1)!;
  const refuse = (expected: string, came: string): never => {
    throw new EddiError("bad-model", `codec fitted to ${name}: expected ${expected}, got ${came}`);
  };
  const tablesAt = 4 * size + 2 * components * size;
  if (bytes.length < tablesAt || bytes.length % 2 !== 0) {
    refuse(`${tablesAt} bytes of mean and basis, and tables of two bytes a number`, `${bytes.length} bytes`);
  }
  // Copies: a buffer's own `slice` would be a view of something larger.
  const mean = new Float32Array(new Uint8Array(bytes.subarray(0, 4 * size)).buffer);
  const basis = fromFloat16(bytes.subarray(4 * size, tablesAt));
  if (![...mean, ...basis].every(Number.isFinite)) refuse("finite numbers", "others");
  const numbers = new Uint16Array(new Uint8Array(bytes.subarray(tablesAt)).buffer);
  let at = 0;
  const coders = rates.map(({ step }, rate) => {
    const first = new Int16Array(components);
    const tables: SymbolTable[] = [];
    for (let component = 0; component < components; component++) {
      const [below = 0, count = 0] = numbers.subarray(at, at + 2);
      const end = at + 2 + count;
      if (count < 1 || count > MOST || below >= count || end > numbers.length) {
        const place = `rate ${rate + 1}, component ${component}`;
        refuse(`a table of 1 to ${MOST} symbols at ${place}`, `${count} of them, ${below} below 0`);
      }
      first[component] = -below;
      tables.push(symbolTable([...numbers.subarray(at + 2, end)]));
      at = end;
    }
    return linearCoder({ shape, block, mean, basis }, { step, first, tables }, range);
  });
  if (at !== numbers.length) {
    refuse(`tables of ${rates.length} rates`, `${numbers.length - at} numbers more`);
  }
  return coders;
}

import {
  CODECS,
  type CodecName,
  FITTED_CODECS,
  IMAGE_CODECS,
  isFittedCodec,
  isImageCodec,
  TENSOR_CODECS,
} from "#shared/codecs";

/** How a tensor travels. */
export interface WireCodec {
  readonly codec: CodecName;
  /**
   * Higher is finer. Of an image codec, 1..100; without it the measured one is meant. Of a fitted codec, which of its
   * rates, from 1.
   */
  readonly quality?: number;
  /** Whether the request's body is deflated: all of it, so that all tensors of a request agree. */
  readonly deflate: boolean;
}

/** What it costs to send a tensor so, measured by `lab evaluate --codecs`. */
export interface CodecCost extends WireCodec {
  /** Of the tensor alone, deflated alone where it is; mean over photos. */
  readonly bytes: number;
  /**
   * By exit behind the tensor: top-1 that it loses against float32, 0..1; below 0 where it gained by chance. By these
   * plans choose, so they are of the validation photos to choose on.
   */
  readonly loss: Readonly<Record<string, number>>;
  /** The same on the photos that nothing was chosen on: what plans say it loses. */
  readonly reported?: Readonly<Record<string, number>>;
}

/** What is used where nothing was measured. */
export const USUAL_CODEC: WireCodec = { codec: "uint8", deflate: false };
/** Of an image codec where none was given and none was measured. */
export const USUAL_QUALITY = 80;

/** As an address or a script says it: `uint4`, `uint4+deflate`, `webp`, `webp:60`, `linear:1`. */
export type CodecText = `${CodecName}${"" | `:${number}`}${"" | "+deflate"}`;

/** @returns null when it is none; a space is taken for the + that an address makes one of */
export function parseCodec(text: string): WireCodec | null {
  const [, name, , quality, deflate] = /^([a-z]+\d*)(:(\d{1,3}))?([+ ]deflate)?$/.exec(text) ?? [];
  const codec = CODECS.find((one) => one === name);
  if (codec === undefined) return null;
  const wire = { codec, deflate: deflate !== undefined };
  if (quality === undefined) return wire;
  const hasQuality = isImageCodec(codec) || isFittedCodec(codec);
  return hasQuality && isQuality(Number(quality)) ? { ...wire, quality: Number(quality) } : null;
}

/** In words: `uint4 + deflate`, `webp 60`. */
export function codecWords({ codec, quality, deflate }: WireCodec): string {
  return `${codec}${quality === undefined ? "" : ` ${quality}`}${deflate ? " + deflate" : ""}`;
}

function isQuality(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 100;
}

/**
 * Checks a codec that came from outside.
 *
 * @param isInput whether the tensor is the image
 * @param rates   of the codec that is fitted to the tensor; 0 without one
 * @param refuse  told what was expected and what came
 */
export function checkWireCodec(
  value: unknown,
  isInput: boolean,
  rates: number,
  refuse: (expected: string, came: unknown) => never,
): void {
  const { codec, quality, deflate } = (value ?? {}) as Partial<Record<keyof WireCodec, unknown>>;
  const known = [...TENSOR_CODECS, ...(isInput ? IMAGE_CODECS : []), ...(rates > 0 ? FITTED_CODECS : [])];
  const found = known.find((one) => one === codec);
  if (found === undefined) throw refuse(`a codec of ${known.join(", ")}`, codec);
  const most = isImageCodec(found) ? 100 : isFittedCodec(found) ? rates : 0;
  const isRight = most === 0 ? quality === undefined : isQuality(quality) && (quality as number) <= most;
  if (!isRight) refuse(most === 0 ? "no quality" : `a quality of 1 to ${most}`, quality);
  if (typeof deflate !== "boolean") refuse("deflate as true or false", deflate);
}

export function sameCodec(a: WireCodec, b: WireCodec): boolean {
  return a.codec === b.codec && a.quality === b.quality && a.deflate === b.deflate;
}

/** What is measured of a model's tensors is checked against these. */
interface Measured {
  readonly input: { readonly node: string };
  readonly tensors: Readonly<Record<string, unknown>>;
}

/** Throws unless the first holds: told field, what was expected and what came. */
export type Expect = (holds: boolean, field: string, expected: string, came: unknown) => void;

/** Checks losses of top-1, by exit. */
export function checkLosses(
  losses: Readonly<Record<string, unknown>>,
  field: string,
  exits: readonly string[],
  expect: Expect,
): void {
  expect(typeof losses === "object" && losses !== null && !Array.isArray(losses), field, "an object", losses);
  for (const [exit, share] of Object.entries(losses)) {
    expect(exits.includes(exit), field, `exits of ${exits.join(", ")}`, exit);
    const isShare = Number.isFinite(share) && Math.abs(share as number) <= 1;
    expect(isShare, `${field}.${exit}`, "a number of -1..1", share);
  }
}

/**
 * Checks the `codecs` of a model's metadata.
 *
 * @param exits  their ids
 */
export function checkCodecCosts(
  value: unknown,
  { input, tensors }: Measured,
  exits: readonly string[],
  expect: Expect,
): void {
  const isObject = (one: unknown): boolean => typeof one === "object" && one !== null && !Array.isArray(one);
  expect(isObject(value), "codecs", "an object", value);
  for (const [name, costs] of Object.entries(value as Record<string, unknown>)) {
    const field = `codecs.${name}`;
    expect(Object.hasOwn(tensors, name), field, "a tensor of the model", name);
    expect(Array.isArray(costs) && costs.length > 0, field, "a non-empty array", costs);
    const seen = new Set<string>();
    for (const [i, cost] of (costs as unknown[]).entries()) {
      const place = `${field}[${i}]`;
      expect(isObject(cost), place, "an object", cost);
      checkWireCodec(cost, name === input.node, 0, (expected, came) => {
        throw expect(false, place, expected, came);
      });
      const { bytes, loss, reported = {}, ...codec } = cost as CodecCost;
      expect(Number.isFinite(bytes) && bytes > 0, `${place}.bytes`, "a number above 0", bytes);
      for (const [name, losses] of Object.entries({ loss, reported }))
        checkLosses(losses, `${place}.${name}`, exits, expect);
      expect(!seen.has(codecWords(codec)), place, "each codec once", codecWords(codec));
      seen.add(codecWords(codec));
    }
  }
}

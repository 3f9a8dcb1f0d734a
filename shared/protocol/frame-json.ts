import { parse } from "secure-json-parse";
import { EddiError } from "#shared/errors";

export type Json = Record<string, unknown>;

/** What is looked at before anything is parsed: it bounds what parsing takes. */
export interface JsonLimits {
  readonly maxJsonBytes: number;
  /** Brackets within brackets. */
  readonly maxJsonDepth: number;
  /** Members of all objects together: parameters, mostly. */
  readonly maxJsonMembers: number;
}

/**
 * The JSON part of a frame, and what follows it.
 *
 * @param jsonBytes as the header says, or null where all of the body is JSON
 * @param header    that says so
 * @throws EddiError `bad-frame` where it is no object, `too-large` over a limit
 */
export function openFrame(
  body: Uint8Array,
  jsonBytes: number | null,
  header: string,
  limits: JsonLimits,
): { json: Json; rest: Uint8Array } {
  const length = jsonBytes ?? body.byteLength;
  if (!Number.isSafeInteger(length) || length <= 0 || length > body.byteLength) {
    throw new EddiError(
      "bad-frame",
      `${header}: expected 1 to ${body.byteLength} (the bytes that came), got ${jsonBytes ?? 0}`,
    );
  }
  if (length > limits.maxJsonBytes) {
    throw new EddiError(
      "too-large",
      `JSON header: expected at most ${limits.maxJsonBytes} bytes, got ${length}`,
    );
  }
  checkStructure(body.subarray(0, length), limits);
  let json: unknown;
  try {
    json = parse(new TextDecoder("utf-8", { fatal: true }).decode(body.subarray(0, length)), null, {
      protoAction: "error",
      constructorAction: "error",
    });
  } catch (cause) {
    throw new EddiError("bad-frame", `expected ${length} bytes of JSON, got: ${(cause as Error).message}`, {
      cause,
    });
  }
  return { json: objectOf(json, "frame"), rest: body.subarray(length) };
}

/**
 * Brackets nested without end would take the parser a hundred times as long as other JSON of their size, and objects of
 * many members twenty times.
 */
function checkStructure(text: Uint8Array, { maxJsonDepth, maxJsonMembers }: JsonLimits): void {
  let depth = 0;
  let members = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at]!;
    if (inString && byte === BACKSLASH) at++;
    else if (byte === QUOTE) inString = !inString;
    else if (inString) continue;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COLON) members++;
    if (depth > maxJsonDepth) throw tooLarge(`${maxJsonDepth} nested brackets`);
    if (members > maxJsonMembers) throw tooLarge(`${maxJsonMembers} members of objects`);
  }
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

function tooLarge(most: string): EddiError {
  return new EddiError("too-large", `JSON header: expected at most ${most}, got more`);
}

export function objectOf(value: unknown, name: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new EddiError("bad-frame", `${name}: expected an object, got ${shown(value)}`);
}

/** The beginning of what came. Nested values are not followed: they may be long. */
export function shown(value: unknown): string {
  const flat = (item: unknown): unknown => {
    if (typeof item === "string") return item.slice(0, MOST_SHOWN);
    return typeof item === "object" && item !== null ? "..." : item;
  };
  const shallow = Array.isArray(value) ? value.slice(0, 20).map(flat) : value;
  return typeof shallow === "object" && shallow !== null && !Array.isArray(shallow)
    ? "an object"
    : String(JSON.stringify(typeof shallow === "string" ? flat(shallow) : shallow)).slice(0, MOST_SHOWN);
}

const MOST_SHOWN = 80;

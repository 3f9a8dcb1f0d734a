import { EddiError } from "#shared/errors";

const EXPECTED = "expected application/octet-stream or application/json";

/** What JSON is; clients say it of JSON with tensors behind it too. */
const JSON_TYPE = /^(application|text)\/([\w.-]+\+)?json$/;
/** What JSON may be called: text, and what curl calls whatever it is given. */
const TEXT_TYPE = /^(text\/plain|application\/x-www-form-urlencoded)$/;
/** What neither JSON nor tensors are, whatever else they may be called. */
const OTHER_TYPE =
  /^((text|multipart|image|audio|video|font|message|model)\/|application\/([\w.-]+\+)?(xml|zip|gzip|cbor|msgpack|yaml|pdf|(x-)?protobuf|javascript)$)/;

/**
 * Refuses a body that is not what its content type says. None says nothing, and is what the most used client of this
 * protocol sends; what we do not know contradicts nothing.
 *
 * @param jsonBytes as of `InferCall`: null where all of the body is JSON, 0 where nothing of it is
 * @throws EddiError `unsupported-media`
 */
export function checkMediaType(
  contentType: string | undefined,
  body: Uint8Array,
  jsonBytes: number | null,
): void {
  const type = (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
  // Of nothing every type is true.
  if (body.byteLength === 0 || !contradicts(type, body, jsonBytes)) return;
  throw new EddiError("unsupported-media", `content-type: ${EXPECTED}, got ${type.slice(0, 100)}`);
}

function contradicts(type: string, body: Uint8Array, jsonBytes: number | null): boolean {
  if (JSON_TYPE.test(type)) return jsonBytes === 0;
  if (TEXT_TYPE.test(type)) return !isText(body, jsonBytes);
  return OTHER_TYPE.test(type);
}

/** Whether all of a body is JSON, as far as its beginning tells. */
function isText(body: Uint8Array, jsonBytes: number | null): boolean {
  const first = body.subarray(0, MOST_WHITE).find((byte) => !WHITE.includes(byte));
  return first === OPEN_OBJECT && (jsonBytes ?? body.byteLength) === body.byteLength;
}

/** Nobody begins with more white space, and whoever does need not be called text. */
const MOST_WHITE = 1024;
const WHITE: readonly number[] = [0x20, 0x09, 0x0a, 0x0d];
const OPEN_OBJECT = 0x7b;

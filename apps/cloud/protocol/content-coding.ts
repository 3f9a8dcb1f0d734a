import { EddiError } from "#shared/errors";

/** What a body may be compressed with: `deflate` is HTTP's, with zlib's header. */
export type ContentCoding = "deflate" | "gzip";

/**
 * Reads `Content-Encoding`: names in any case, and those that mean nothing left out (RFC 9110 8.4).
 *
 * @returns null for a body that is not compressed
 * @throws EddiError `unsupported-media` for another coding, or several
 */
export function readCoding(header: string | undefined): ContentCoding | null {
  const names = (header ?? "").split(",").map((name) => name.trim().toLowerCase());
  const codings = names.filter((name) => name !== "" && name !== "identity");
  const [coding] = codings;
  if (coding === undefined) return null;
  if (codings.length === 1 && coding === "deflate") return coding;
  // A recipient should take x-gzip for gzip (RFC 9110 8.4.1.3).
  if (codings.length === 1 && (coding === "gzip" || coding === "x-gzip")) return "gzip";
  const came = `got ${header!.slice(0, 100)}`;
  throw new EddiError("unsupported-media", `content-encoding: expected identity, deflate or gzip, ${came}`);
}

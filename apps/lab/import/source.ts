import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { EddiError, type ErrorCode } from "#shared/errors";

/** A model's files, wherever they lie. */
export interface ModelSource {
  /** Where model.json came from: an address without its query, or the name of its folder. */
  readonly origin: string;
  /** model.json, as it came. */
  readonly description: Uint8Array;
  /**
   * A file of weights, by its path in the manifest.
   *
   * @param limit bytes that it may have at most
   * @throws EddiError `not-found`, `unavailable`, `bad-weights` for a larger one or a path that leads elsewhere
   */
  shard(shardPath: string, limit: number): Promise<Uint8Array>;
  /** The licence that lies beside model.json; null where none does. */
  license(): Promise<LicenseFile | null>;
}

export interface LicenseFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface SourceOptions {
  /** Called as bytes arrive over the network. */
  readonly onProgress?: (file: string, bytes: number) => void;
  /** The longest wait for a server to say something, milliseconds. */
  readonly silenceMs?: number;
}

const MOST_DESCRIPTION = 64 << 20;
const MOST_LICENSE = 1 << 20;
const SILENCE_MS = 30_000;
const LICENSES = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"];

/**
 * Finds a model and reads its model.json.
 *
 * @param place a folder, a model.json, or the address of one of these (http or https)
 * @throws EddiError `not-found` or `unavailable`, saying where it looked and what came
 */
export function openSource(place: string, options: SourceOptions = {}): Promise<ModelSource> {
  return /^https?:\/\//i.test(place) ? openAddress(place, options) : openPath(place);
}

async function openPath(place: string): Promise<ModelSource> {
  const found = await stat(place).catch((cause: unknown) => {
    throw new EddiError("not-found", `${place}: expected a folder with model.json, got nothing`, { cause });
  });
  const file = found.isDirectory() ? path.join(place, "model.json") : place;
  const folder = path.dirname(path.resolve(file));
  const read = async (name: string, limit: number, code: ErrorCode): Promise<Uint8Array> => {
    const whole = path.join(folder, name);
    const { size } = await stat(whole).catch((cause: unknown) => {
      throw new EddiError("not-found", `${whole}: expected a file, got none`, { cause });
    });
    if (size > limit) throw new EddiError(code, `${whole}: expected at most ${limit} bytes, got ${size}`);
    return new Uint8Array(await readFile(whole));
  };
  return {
    origin: path.basename(folder),
    description: await read(path.basename(file), MOST_DESCRIPTION, "bad-model"),
    shard: (shardPath, limit) => read(checked(shardPath), limit, "bad-weights"),
    license: () => firstLicense((name) => read(name, MOST_LICENSE, "bad-model")),
  };
}

async function openAddress(place: string, options: SourceOptions): Promise<ModelSource> {
  const url = new URL(place);
  if (!/\.json$/.test(url.pathname)) url.pathname = `${url.pathname.replace(/\/$/, "")}/model.json`;
  // As TF.js does: files of weights lie beside model.json, and what follows `?` is theirs too.
  const beside = (name: string): URL => {
    const other = new URL(name, url);
    other.search = url.search;
    return other;
  };
  return {
    origin: `${url.origin}${url.pathname}`,
    description: await download(url, MOST_DESCRIPTION, "bad-model", options),
    shard: (shardPath, limit) => download(beside(checked(shardPath)), limit, "bad-weights", options),
    license: () => firstLicense((name) => download(beside(name), MOST_LICENSE, "bad-model", options)),
  };
}

/**
 * A path of the manifest without its `./`.
 *
 * @throws EddiError `bad-weights` for a path that leads out of the model's folder
 */
function checked(shardPath: string): string {
  const parts = shardPath.split("/").filter((part) => part !== ".");
  const isBelow =
    parts.length > 0 && parts.every((part) => part !== "" && part !== ".." && !/[\\:?#]/.test(part));
  if (isBelow) return parts.join("/");
  throw new EddiError(
    "bad-weights",
    `weightsManifest: expected paths below the model's folder, got ${shardPath}`,
  );
}

/** A server that answers with a page for everything has no licence to give. */
async function firstLicense(read: (name: string) => Promise<Uint8Array>): Promise<LicenseFile | null> {
  for (const name of LICENSES) {
    const bytes = await read(name).catch(() => null);
    const isPage =
      bytes !== null && /^\s*<(!doctype|html)/i.test(new TextDecoder().decode(bytes.subarray(0, 64)));
    if (bytes !== null && !isPage) return { name, bytes };
  }
  return null;
}

/** @throws EddiError `not-found` for a 404, `unavailable` for other failures, `code` when there is too much */
async function download(
  url: URL,
  limit: number,
  code: ErrorCode,
  { onProgress, silenceMs = SILENCE_MS }: SourceOptions,
): Promise<Uint8Array> {
  const name = `${url.origin}${url.pathname}`;
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  try {
    const response = await fetch(url, { signal: silence.signal });
    if (!response.ok || response.body === null) {
      const kind = response.status === 404 ? "not-found" : "unavailable";
      throw new EddiError(kind, `${name}: expected the file, got HTTP ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      heard();
      bytes += chunk.byteLength;
      if (bytes > limit) throw new EddiError(code, `${name}: expected at most ${limit} bytes, got more`);
      chunks.push(chunk);
      onProgress?.(url.pathname.split("/").at(-1) ?? "", bytes);
    }
    return new Uint8Array(Buffer.concat(chunks));
  } catch (thrown) {
    if (thrown instanceof EddiError) throw thrown;
    const { message, cause } = thrown as { message: string; cause?: { message?: string } };
    const came = silence.signal.aborted ? `nothing for ${silenceMs / 1000} s` : (cause?.message ?? message);
    throw new EddiError("unavailable", `${name}: expected the file, got: ${came}`, { cause: thrown });
  } finally {
    clearTimeout(timer);
  }
}
